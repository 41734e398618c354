// Package defaultmodel holds the network that edge runs unless it is given another: EfficientNet-Lite0, quantized to
// int8, for 224×224 pixels and the 1000 classes of ImageNet, with labels and normalization inside. LICENSE-NOTICE.md
// says where its weights and labels come from; `make default-model` makes the file again.
package defaultmodel

import _ "embed"

// Name is what messages call the network.
const Name = "EfficientNet-Lite0"

// TFLite is the network, a .tflite file. It must not be changed.
//
//go:embed efficientnet-lite0-int8.tflite
var TFLite []byte
