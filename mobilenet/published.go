package mobilenet

// Accuracy is a network's published accuracy on ImageNet's 50 000 validation pictures, one crop each, in per cent. 0 means
// that no published figure is known.
type Accuracy struct {
	Family     Family
	Alpha      float64
	Resolution int

	Top1, Top5              float64 // in float32; of V3 only Top1
	Quantized1, Quantized5  float64 // the authors' own 8-bit network
	Source, QuantizedSource string
}

// The sources: pages of those who trained the networks.
const (
	pageV1     = "github.com/tensorflow/models, research/slim/nets/mobilenet_v1.md"
	pageV2     = "github.com/tensorflow/models, research/slim/nets/mobilenet/README.md"
	pageHosted = "github.com/tensorflow/tensorflow, tensorflow/lite/g3doc/guide/hosted_models.md"
)

// Published returns what was published, for all networks that were trained: V1 by α and resolution, then V2 and V3. The
// papers' own figures (V1 1.0/224: 70.6, V2 1.0/224: 72.0) are of other trainings than the networks offered for download.
func Published() []Accuracy {
	return []Accuracy{
		{FamilyV1, 1, 224, 70.9, 89.9, 69.7, 89.5, pageV1, pageV1},
		{FamilyV1, 1, 192, 70.0, 89.2, 69.0, 88.9, pageV1, pageV1},
		{FamilyV1, 1, 160, 68.0, 87.7, 67.3, 87.7, pageV1, pageV1},
		{FamilyV1, 1, 128, 65.2, 85.8, 64.0, 85.5, pageV1, pageV1},
		{FamilyV1, 0.75, 224, 68.4, 88.2, 67.9, 88.1, pageV1, pageV1},
		{FamilyV1, 0.75, 192, 67.2, 87.3, 66.2, 87.1, pageV1, pageV1},
		{FamilyV1, 0.75, 160, 65.3, 86.0, 63.9, 85.5, pageV1, pageV1},
		{FamilyV1, 0.75, 128, 62.1, 83.9, 59.8, 82.8, pageV1, pageV1},
		{FamilyV1, 0.5, 224, 63.3, 84.9, 62.2, 84.5, pageV1, pageV1},
		{FamilyV1, 0.5, 192, 61.7, 83.6, 60.4, 83.2, pageV1, pageV1},
		{FamilyV1, 0.5, 160, 59.1, 81.9, 57.7, 81.3, pageV1, pageV1},
		{FamilyV1, 0.5, 128, 56.3, 79.4, 54.9, 78.9, pageV1, pageV1},
		{FamilyV1, 0.25, 224, 49.8, 74.2, 48.2, 73.8, pageV1, pageV1},
		{FamilyV1, 0.25, 192, 47.7, 72.3, 45.8, 71.9, pageV1, pageV1},
		{FamilyV1, 0.25, 160, 45.5, 70.3, 43.5, 69.1, pageV1, pageV1},
		{FamilyV1, 0.25, 128, 41.5, 66.3, 39.9, 65.8, pageV1, pageV1},

		{FamilyV2, 1.4, 224, 75.0, 92.5, 0, 0, pageV2, ""},
		{FamilyV2, 1.3, 224, 74.4, 92.1, 0, 0, pageV2, ""},
		{FamilyV2, 1, 224, 71.8, 91.0, 70.8, 89.9, pageV2, pageHosted},
		{FamilyV2, 1, 192, 70.7, 90.1, 0, 0, pageV2, ""},
		{FamilyV2, 1, 160, 68.8, 89.0, 0, 0, pageV2, ""},
		{FamilyV2, 1, 128, 65.3, 86.9, 0, 0, pageV2, ""},
		{FamilyV2, 1, 96, 60.3, 83.2, 0, 0, pageV2, ""},
		{FamilyV2, 0.75, 224, 69.8, 89.6, 0, 0, pageV2, ""},
		{FamilyV2, 0.75, 192, 68.7, 88.9, 0, 0, pageV2, ""},
		{FamilyV2, 0.75, 160, 66.4, 87.3, 0, 0, pageV2, ""},
		{FamilyV2, 0.75, 128, 63.2, 85.3, 0, 0, pageV2, ""},
		{FamilyV2, 0.75, 96, 58.8, 81.6, 0, 0, pageV2, ""},
		{FamilyV2, 0.5, 224, 65.4, 86.4, 0, 0, pageV2, ""},
		{FamilyV2, 0.5, 192, 63.9, 85.4, 0, 0, pageV2, ""},
		{FamilyV2, 0.5, 160, 61.0, 83.2, 0, 0, pageV2, ""},
		{FamilyV2, 0.5, 128, 57.7, 80.8, 0, 0, pageV2, ""},
		{FamilyV2, 0.5, 96, 51.2, 75.8, 0, 0, pageV2, ""},
		{FamilyV2, 0.35, 224, 60.3, 82.9, 0, 0, pageV2, ""},
		{FamilyV2, 0.35, 192, 58.2, 81.2, 0, 0, pageV2, ""},
		{FamilyV2, 0.35, 160, 55.7, 79.1, 0, 0, pageV2, ""},
		{FamilyV2, 0.35, 128, 50.8, 75.0, 0, 0, pageV2, ""},
		{FamilyV2, 0.35, 96, 45.5, 70.4, 0, 0, pageV2, ""},

		{FamilyV3Large, 1, 224, 75.2, 0, 73.9, 0, pageV2, pageV2},
		{FamilyV3Large, 0.75, 224, 73.3, 0, 0, 0, pageV2, ""},
		{FamilyV3Small, 1, 224, 67.5, 0, 64.9, 0, pageV2, pageV2},
		{FamilyV3Small, 0.75, 224, 65.4, 0, 0, 0, pageV2, ""},
		{FamilyV3LargeMinimalistic, 1, 224, 72.3, 0, 71.3, 0, pageV2, pageV2},
		{FamilyV3SmallMinimalistic, 1, 224, 61.9, 0, 0, 0, pageV2, ""},
	}
}

// Blueprint returns the network that the figures are of, with ImageNet's 1000 classes.
func (a Accuracy) Blueprint() (*Blueprint, error) { return New(a.Family, a.Alpha, a.Resolution, 1000) }
