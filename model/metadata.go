package model

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"strings"
	"unicode/utf8"

	flatbuffers "github.com/google/flatbuffers/go"
)

// TFLite metadata: a FlatBuffer of its own in a buffer of the model, and files in a ZIP archive behind the model.

const (
	metadataEntry      = "TFLITE_METADATA" // the name of the buffer
	metadataIdentifier = "M001"
	maxLabelsFile      = 4 << 20
	maxLabels          = 1 << 16
	maxAssociatedFiles = 100
)

const ( // ModelMetadata
	modelMetaName      = 0
	modelMetaSubgraphs = 3
	modelMetaMinParser = 7 // the version of the schema's parser that is needed
	modelMetaSlots     = 8
)

const ( // SubGraphMetadata
	subgraphMetaInputs  = 2
	subgraphMetaOutputs = 3
	subgraphMetaSlots   = 4 // as written here
)

const ( // TensorMetadata
	tensorMetaName         = 0
	tensorMetaProcessUnits = 4
	tensorMetaFiles        = 6
	tensorMetaSlots        = 7
)

const ( // AssociatedFile
	fileName   = 0
	fileType   = 2
	fileLocale = 3
	fileSlots  = 3 // as written here

	axisLabels = 2 // a fileType
)

const ( // ProcessUnit and its NormalizationOptions
	unitType  = 0
	unit      = 1
	unitSlots = 2

	normalizationUnit  = 1 // a unitType
	normalizationMean  = 0
	normalizationStd   = 1
	normalizationSlots = 2
)

// metadata reads the name, the labels and the normalization, if the file has them.
func (r *tfliteReader) metadata() error {
	var blob []byte
	entries := r.model.tables(modelMetadata)
	for i := range entries.n {
		entry := entries.table(i)
		if string(entry.bytes(metadataName)) == metadataEntry {
			var err error
			if blob, err = r.buffer(entry.uint32(metadataBuffer)); err != nil {
				return err
			}
			break
		}
		if r.err != nil {
			return r.err
		}
	}
	if len(blob) == 0 {
		return r.err
	}
	if len(blob) < 8 || string(blob[4:8]) != metadataIdentifier {
		return fmt.Errorf("damaged file: its metadata doesn't have %s at byte 4", metadataIdentifier)
	}
	f := &flat{bytes: blob, left: readAllowance}
	root := f.root()
	if name := root.string(modelMetaName); name != "" {
		r.g.Name = name
	}
	subgraphs := root.tables(modelMetaSubgraphs)
	if subgraphs.n == 0 {
		return f.err
	}
	subgraph := subgraphs.table(0)
	if inputs := subgraph.tables(subgraphMetaInputs); inputs.n > 0 {
		var err error
		if r.g.Normalization, err = normalization(inputs.table(0)); err != nil {
			return fmt.Errorf("normalization: %w", err)
		}
	}
	if outputs := subgraph.tables(subgraphMetaOutputs); outputs.n > 0 {
		name := labelsFile(outputs.table(0))
		if f.err != nil || name == "" {
			return f.err
		}
		var err error
		if r.g.Labels, err = readLabels(r.bytes, name); err != nil {
			return fmt.Errorf("labels %s: %w", printable(name), err)
		}
	}
	return f.err
}

// normalization finds the normalization among what is to be done to an input; nil if there is none.
func normalization(input table) (*Normalization, error) {
	units := input.tables(tensorMetaProcessUnits)
	for i := range units.n {
		u := units.table(i)
		options, ok := u.table(unit)
		if input.err != nil {
			break
		}
		if !ok || u.byte(unitType) != normalizationUnit {
			continue
		}
		mean, std := options.float32s(normalizationMean), options.float32s(normalizationStd)
		if options.err != nil {
			break
		}
		n := new(Normalization)
		for c := range 3 {
			m, s := 1, 1 // one value is for all channels
			if len(mean) == 3 {
				m = 3
			}
			if len(std) == 3 {
				s = 3
			}
			if len(mean) != m || len(std) != s {
				return nil, fmt.Errorf("%d means and %d deviations: 1 or 3 are needed", len(mean), len(std))
			}
			n.Mean[c], n.Std[c] = mean[c%m], std[c%s]
		}
		return n, n.check()
	}
	if input.flat == nil {
		return nil, nil
	}
	return nil, input.err
}

func (n *Normalization) check() error {
	for c := range 3 {
		mean, std := float64(n.Mean[c]), float64(n.Std[c])
		if math.IsNaN(mean) || math.IsInf(mean, 0) || !(std > 0) || math.IsInf(std, 0) {
			return fmt.Errorf("mean %g and deviation %g", mean, std)
		}
	}
	return nil
}

// labelsFile finds the name of the file with an output's labels: the first one, but rather one for all languages or
// for English.
func labelsFile(output table) string {
	name := ""
	files := output.tables(tensorMetaFiles)
	for i := range files.n {
		file := files.table(i)
		if file.byte(fileType) != axisLabels {
			continue
		}
		locale := file.string(fileLocale)
		if name == "" || locale == "" || strings.HasPrefix(locale, "en") {
			name = file.string(fileName)
		}
		if output.err != nil || locale == "" || strings.HasPrefix(locale, "en") {
			break
		}
	}
	return name
}

// readLabels reads one label a line from a file in the archive behind the model; nil if there is no such file.
func readLabels(b []byte, name string) ([]string, error) {
	// Each file of an archive has this mark in the directory; an honest archive has few.
	if n := bytes.Count(b, []byte("PK\x01\x02")); n == 0 {
		return nil, nil
	} else if n > maxAssociatedFiles {
		return nil, fmt.Errorf("%d files are packed with the model: at most %d are supported", n, maxAssociatedFiles)
	}
	archive, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if errors.Is(err, zip.ErrFormat) {
		return nil, nil // bytes behind the model that aren't an archive
	}
	if err != nil {
		return nil, err
	}
	for _, file := range archive.File {
		if file.Name != name {
			continue
		}
		content, err := file.Open()
		if err != nil {
			return nil, err
		}
		defer content.Close()
		text, err := io.ReadAll(io.LimitReader(content, maxLabelsFile+1))
		if err != nil {
			return nil, err
		}
		return splitLabels(text)
	}
	return nil, nil
}

func splitLabels(text []byte) ([]string, error) {
	if len(text) > maxLabelsFile {
		return nil, fmt.Errorf("more than %d MiB of text", maxLabelsFile>>20)
	}
	if !utf8.Valid(text) {
		return nil, fmt.Errorf("not UTF-8 text")
	}
	if bytes.Count(text, []byte("\n")) >= maxLabels {
		return nil, fmt.Errorf("more than %d lines", maxLabels)
	}
	lines := strings.Split(strings.TrimRight(string(text), "\r\n"), "\n")
	if len(lines) == 1 && lines[0] == "" {
		return nil, nil
	}
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], "\r")
	}
	return lines, nil
}

// labelsName is what the file of labels is called in the files written here.
const labelsName = "labels.txt"

// metadataBlob returns the metadata of a graph that has labels or a normalization.
func (g *Graph) metadataBlob() []byte {
	w := writer{flatbuffers.NewBuilder(1 << 10)}
	var inputs, outputs []flatbuffers.UOffsetT
	for k, i := range g.Inputs {
		var units flatbuffers.UOffsetT
		if k == 0 && g.Normalization != nil {
			units = w.tables(w.normalization(g.Normalization))
		}
		inputs = append(inputs, w.tensorMetadata(g.Tensors[i].Name, units, 0))
	}
	for k, i := range g.Outputs {
		var files flatbuffers.UOffsetT
		if k == 0 && g.Labels != nil {
			files = w.tables(w.axisLabels(labelsName))
		}
		outputs = append(outputs, w.tensorMetadata(g.Tensors[i].Name, 0, files))
	}
	in, out := w.tables(inputs...), w.tables(outputs...)
	w.StartObject(subgraphMetaSlots)
	w.offset(subgraphMetaInputs, in)
	w.offset(subgraphMetaOutputs, out)
	subgraphs := w.tables(w.EndObject())
	name, parser := w.string(g.Name), w.string("1.0.0")
	w.StartObject(modelMetaSlots)
	w.offset(modelMetaName, name)
	w.offset(modelMetaSubgraphs, subgraphs)
	w.offset(modelMetaMinParser, parser)
	w.FinishWithFileIdentifier(w.EndObject(), []byte(metadataIdentifier))
	return w.FinishedBytes()
}

func (w writer) tensorMetadata(name string, units, files flatbuffers.UOffsetT) flatbuffers.UOffsetT {
	named := w.string(name)
	w.StartObject(tensorMetaSlots)
	w.offset(tensorMetaName, named)
	w.offset(tensorMetaProcessUnits, units)
	w.offset(tensorMetaFiles, files)
	return w.EndObject()
}

func (w writer) normalization(n *Normalization) flatbuffers.UOffsetT {
	mean, std := w.float32s(n.Mean[:]), w.float32s(n.Std[:])
	w.StartObject(normalizationSlots)
	w.offset(normalizationMean, mean)
	w.offset(normalizationStd, std)
	options := w.EndObject()
	w.StartObject(unitSlots)
	w.PrependByteSlot(unitType, normalizationUnit, 0)
	w.offset(unit, options)
	return w.EndObject()
}

func (w writer) axisLabels(name string) flatbuffers.UOffsetT {
	named := w.string(name)
	w.StartObject(fileSlots)
	w.offset(fileName, named)
	w.PrependByteSlot(fileType, axisLabels, 0)
	return w.EndObject()
}

// labelsArchive packs the labels to follow a model of that size: stored, not compressed, as readers that map the file expect.
func labelsArchive(size int, labels []string) ([]byte, error) {
	for i, label := range labels {
		if strings.Contains(label, "\n") || strings.HasSuffix(label, "\r") || !utf8.ValidString(label) {
			return nil, fmt.Errorf("label %d (%q) isn't one line of UTF-8 text", i, label)
		}
	}
	if len(labels) > maxLabels || len(labels) > 0 && labels[len(labels)-1] == "" {
		return nil, fmt.Errorf("%d labels: at most %d, and the last one not empty", len(labels), maxLabels)
	}
	text := []byte(strings.Join(labels, "\n") + "\n")
	if len(text) > maxLabelsFile {
		return nil, fmt.Errorf("more than %d MiB of labels", maxLabelsFile>>20)
	}
	var file bytes.Buffer
	archive := zip.NewWriter(&file)
	archive.SetOffset(int64(size))
	content, err := archive.CreateRaw(&zip.FileHeader{
		Name:               labelsName,
		CRC32:              crc32.ChecksumIEEE(text),
		CompressedSize64:   uint64(len(text)),
		UncompressedSize64: uint64(len(text)),
	})
	if err != nil {
		return nil, err
	}
	if _, err := content.Write(text); err != nil {
		return nil, err
	}
	if err := archive.Close(); err != nil {
		return nil, err
	}
	return file.Bytes(), nil
}
