//go:build !amd64 || purego

package kernels

func forced() []*Set { return nil }
