package frame

// The markers that begin a JPEG file's segments. (ITU-T T.81, table B.1.)
const (
	markerSOF0 = 0xc0 // frame header, baseline
	markerSOF1 = 0xc1 // extended sequential
	markerSOF2 = 0xc2 // progressive
	markerSOS  = 0xda
	markerAPP1 = 0xe1
)
