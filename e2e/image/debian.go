package image

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// suite is the Debian release that everything comes from; Raspberry Pi OS is built on it.
const suite = "bookworm"

const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

// apt is a private apt state for arm64: nothing of the host's own packages or settings is read or changed, and no root
// is needed.
type apt struct {
	dir string
}

func newAPT(dir string) (apt, error) {
	for _, sub := range []string{
		"state/lists/partial", "cache/archives/partial", "etc/apt.conf.d", "etc/preferences.d",
	} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return apt{}, err
		}
	}
	files := map[string]string{
		"state/status": "",
		"etc/sources.list": fmt.Sprintf(`deb [signed-by=%[1]s] http://deb.debian.org/debian %[2]s main
deb [signed-by=%[1]s] http://deb.debian.org/debian %[2]s-updates main
deb [signed-by=%[1]s] http://deb.debian.org/debian-security %[2]s-security main
`, keyring, suite),
		"apt.conf": fmt.Sprintf(`APT::Architecture "arm64";
APT::Architectures "arm64";
APT::Install-Recommends "false";
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::Retries "3";
Dir::State "%[1]s/state";
Dir::State::status "%[1]s/state/status";
Dir::Cache "%[1]s/cache";
Dir::Etc "%[1]s/etc";
Dir::Etc::sourcelist "%[1]s/etc/sources.list";
Dir::Etc::sourceparts "-";
`, dir),
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return apt{}, err
		}
	}
	return apt{dir}, nil
}

// update refreshes package lists that are older than age. Without a network older ones serve.
func (a apt) update(ctx context.Context, age time.Duration) error {
	stamp := filepath.Join(a.dir, "updated")
	info, err := os.Stat(stamp)
	if err == nil && time.Since(info.ModTime()) < age {
		return nil
	}
	if _, fault := a.run(ctx, "apt-get", "-qq", "--error-on=any", "update"); fault != nil {
		if err == nil {
			return nil
		}
		return unavailable("Debian's package lists: %v", fault)
	}
	return os.WriteFile(stamp, nil, 0o644)
}

// closure names the packages that installing these and nothing else would install, as file names with versions.
func (a apt) closure(ctx context.Context, packages []string) ([]string, error) {
	out, err := a.run(ctx, "apt-get", append([]string{"-qq", "-y", "--print-uris", "install"}, packages...)...)
	if err != nil {
		return nil, err
	}
	return printedFiles(out), nil
}

// alone is closure without the dependencies.
func (a apt) alone(ctx context.Context, packages []string) ([]string, error) {
	out, err := a.run(ctx, "apt-get", append([]string{"-qq", "--print-uris", "download"}, packages...)...)
	if err != nil {
		return nil, err
	}
	return printedFiles(out), nil
}

// printedFiles takes the names out of apt's lines: 'URI' name_version_arch.deb size hash.
func printedFiles(out string) []string {
	var names []string
	for line := range strings.Lines(out) {
		if fields := strings.Fields(line); len(fields) >= 3 && strings.HasPrefix(fields[0], "'") {
			names = append(names, fields[1])
		}
	}
	return names
}

// kernelPackage resolves the meta package to the package that holds the kernel.
func (a apt) kernelPackage(ctx context.Context) (string, error) {
	out, err := a.run(ctx, "apt-cache", "show", "--no-all-versions", "linux-image-arm64")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(out) {
		if depends, ok := strings.CutPrefix(line, "Depends: "); ok {
			return strings.Fields(depends)[0], nil
		}
	}
	return "", errors.New("linux-image-arm64 depends on no kernel")
}

// download leaves the named packages without their dependencies in dir.
func (a apt) download(ctx context.Context, dir string, packages []string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	cmd := a.command(ctx, "apt-get", append([]string{"-qq", "download"}, packages...)...)
	cmd.Dir = dir
	_, err := output(cmd)
	return err
}

func (a apt) run(ctx context.Context, name string, args ...string) (string, error) {
	return output(a.command(ctx, name, args...))
}

func (a apt) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "APT_CONFIG="+filepath.Join(a.dir, "apt.conf"), "LC_ALL=C")
	cmd.Dir = a.dir
	return cmd
}

// output runs cmd and returns its standard output; an error carries what it wrote to standard error.
func output(cmd *exec.Cmd) (string, error) {
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return string(out), nil
}

// packageName is the part before the version in name_version_arch.deb.
func packageName(file string) string {
	name, _, _ := strings.Cut(file, "_")
	return name
}

func shortHash(parts []string) string {
	return fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Join(parts, "\n"))))[:12]
}
