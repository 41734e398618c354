//go:build !purego

package kernels

func native() []*Set { return nil }

type nativePacked struct{}
