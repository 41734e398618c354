package model

import (
	"encoding/binary"
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// field is one field of a protobuf message: a number (also the bits of a float), or bytes.
type field struct {
	number  protowire.Number
	kind    protowire.Type
	integer uint64
	bytes   []byte
}

// eachField calls visit for the fields of a message, in order. Nothing is copied.
func eachField(message []byte, visit func(f field) error) error {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return damagedProtobuf(n)
		}
		message = message[n:]
		f := field{number: number, kind: kind}
		switch kind {
		case protowire.VarintType:
			f.integer, n = protowire.ConsumeVarint(message)
		case protowire.Fixed32Type:
			var v uint32
			v, n = protowire.ConsumeFixed32(message)
			f.integer = uint64(v)
		case protowire.Fixed64Type:
			f.integer, n = protowire.ConsumeFixed64(message)
		case protowire.BytesType:
			f.bytes, n = protowire.ConsumeBytes(message)
		default:
			return fmt.Errorf("damaged file: a field of a kind that it can't have")
		}
		if n < 0 {
			return damagedProtobuf(n)
		}
		message = message[n:]
		if err := visit(f); err != nil {
			return err
		}
	}
	return nil
}

func damagedProtobuf(n int) error {
	return fmt.Errorf("damaged file: %w", protowire.ParseError(n))
}

// varints decodes a field of repeated integers, packed or single, and appends them to v, up to limit elements.
func (f field) varints(v []int, limit int) ([]int, error) {
	b := f.bytes
	if f.kind == protowire.VarintType {
		b = protowire.AppendVarint(nil, f.integer)
	}
	for len(b) > 0 {
		x, n := protowire.ConsumeVarint(b)
		if n < 0 {
			return nil, damagedProtobuf(n)
		}
		if len(v) >= limit {
			return nil, fmt.Errorf("more than %d integers", limit)
		}
		v, b = append(v, int(x)), b[n:]
	}
	return v, nil
}

// fixed32s appends a field of repeated floats, packed or single, to b. The first packed one isn't copied.
func (f field) fixed32s(b []byte) []byte {
	switch {
	case f.kind == protowire.Fixed32Type:
		return binary.LittleEndian.AppendUint32(b, uint32(f.integer))
	case b == nil:
		return slices.Clip(f.bytes)
	}
	return append(b, f.bytes...)
}

// packed appends a field of repeated integers, packed or single, to b as varints. The first packed one isn't copied.
func (f field) packed(b []byte) []byte {
	switch {
	case f.kind == protowire.VarintType:
		return protowire.AppendVarint(b, f.integer)
	case b == nil:
		return slices.Clip(f.bytes)
	}
	return append(b, f.bytes...)
}

// fixed64s is fixed32s for doubles.
func (f field) fixed64s(b []byte) []byte {
	switch {
	case f.kind == protowire.Fixed64Type:
		return binary.LittleEndian.AppendUint64(b, f.integer)
	case b == nil:
		return slices.Clip(f.bytes)
	}
	return append(b, f.bytes...)
}
