package main

import (
	"context"
	"io"

	"edge/licences"
)

// runLicences prints the licences of all that is inside the program.
func runLicences(_ context.Context, args []string, std streams) error {
	if err := parseFlags(newFlags("licences", std), args); err != nil {
		return err
	}
	_, err := io.WriteString(std.out, licences.Text)
	return err
}
