package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"edge/decision"
	"edge/frame"
	"edge/internal/files"
	"edge/page"
	"edge/record"
)

// exportPictures writes a recording's pictures into a folder for each class that the network took them for.
func exportPictures(ctx context.Context, r *record.Recording, to string) (n int, err error) {
	var header *record.Header
	var scorer *decision.Scorer
	for step := range r.Steps() {
		if ctx.Err() != nil {
			return n, errors.New("interrupted")
		}
		p := r.Picture(step.Header, step.Moment.Number)
		if p == nil || step.Moment.Kind != record.Frame {
			continue
		}
		if step.Header != header {
			header = step.Header
			if scorer, err = decision.NewScorer(header.Output); err != nil {
				return n, err
			}
		}
		top := 0
		scores := scorer.Scores(step.Moment.Output)
		for i, s := range scores {
			if s > scores[top] {
				top = i
			}
		}
		dir := filepath.Join(to, folderName(header.Output.ClassName(top)))
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return n, err
		}
		name, data := stamp(step.Wall, step.Moment.Number)+".jpg", []byte(nil)
		if p.Format == frame.MJPEG {
			data = frame.AppendJPEG(nil, p.Data)
		} else {
			name = strings.TrimSuffix(name, ".jpg") + ".png"
			if data, err = page.PNG(header, p); err != nil {
				return n, err
			}
		}
		if err := files.Write(filepath.Join(dir, name), data); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// folderName turns a class's label, which may hold anything, into the name of a folder.
func folderName(label string) string {
	label, _, _ = strings.Cut(label, ",")
	name := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsNumber(r) || strings.ContainsRune("-_ ", r) {
			return r
		}
		return '_'
	}, label)
	if name = strings.TrimSpace(name); name == "" {
		name = "_"
	}
	const most = 100
	for len(name) > most {
		name = strings.TrimSpace(string([]rune(name)[:len([]rune(name))-1]))
	}
	return name
}
