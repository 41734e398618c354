package model

import "strings"

// What the schema of .tflite files (version 3) says: the slots of its tables' fields, and its numbers.

const (
	tfliteIdentifier = "TFL3"
	tfliteVersion    = 3
)

const ( // Model
	modelVersion = iota
	modelOperatorCodes
	modelSubgraphs
	modelDescription
	modelBuffers
	_
	modelMetadata
	modelSlots
)

const ( // OperatorCode
	opCodeDeprecated = iota // before there were more than 127 operations
	opCodeCustom
	opCodeVersion
	opCodeBuiltin
	opCodeSlots
)

const ( // SubGraph
	subgraphTensors = iota
	subgraphInputs
	subgraphOutputs
	subgraphOperators
	subgraphName
	subgraphSlots
)

const ( // Tensor
	tensorShape = iota
	tensorType
	tensorBuffer
	tensorName
	tensorQuantization
	tensorIsVariable
	tensorSparsity
	tensorShapeSignature
	_
	_
	tensorExternalBuffer
	tensorSlots = tensorShapeSignature + 1 // as written here
)

const ( // QuantizationParameters
	quantizationScale     = 2
	quantizationZeroPoint = 3
	quantizationDetails   = 4 // the type of the union: none, or a custom one
	quantizationDimension = 6
	quantizationSlots     = 7
)

const ( // Buffer
	bufferData = iota
	bufferOffset
	bufferSize
	bufferSlots = bufferData + 1 // as written here
)

const ( // Metadata
	metadataName = iota
	metadataBuffer
	metadataSlots
)

const ( // Operator
	operatorCode = iota
	operatorInputs
	operatorOutputs
	operatorOptionsType
	operatorOptions
	operatorSlots
)

// The options of an operation, as types of a union.
const (
	noOptions             = 0
	convOptions           = 1
	depthwiseOptions      = 2
	poolOptions           = 5
	fullyConnectedOptions = 8
	softmaxOptions        = 9
	concatenationOptions  = 10
	addOptions            = 11
	l2NormOptions         = 12
	reshapeOptions        = 17
	mulOptions            = 21
	reducerOptions        = 27
	subOptions            = 28
	divOptions            = 29
	squeezeOptions        = 30
	stridedSliceOptions   = 32
	packOptions           = 59
	leakyReluOptions      = 75
)

// Their fields, for those that have few.
const (
	arithmeticActivation   = 0 // of ADD, SUB, MUL and DIV
	concatenationAxis      = 0
	concatenationAct       = 1
	concatenationSlots     = 2
	softmaxBeta            = 0
	l2NormActivation       = 0
	reshapeNewShape        = 0
	squeezeDims            = 0
	reducerKeepDims        = 0
	packAxis               = 1
	leakyReluAlpha         = 0
	fullyConnectedAct      = 0
	fullyConnectedFormat   = 1
	fullyConnectedKeepDims = 2
	fullyConnectedSlots    = 3 // as written here
)

const ( // StridedSliceOptions
	sliceBeginMask = iota
	sliceEndMask
	sliceEllipsisMask
	sliceNewAxisMask
	sliceShrinkMask
	sliceSlots
)

const ( // Conv2DOptions
	convPadding = iota
	convStrideW
	convStrideH
	convActivation
	convDilationW
	convDilationH
	convSlots
)

const ( // DepthwiseConv2DOptions
	depthwisePadding = iota
	depthwiseStrideW
	depthwiseStrideH
	depthwiseMultiplier
	depthwiseActivation
	depthwiseDilationW
	depthwiseDilationH
	depthwiseSlots
)

const ( // Pool2DOptions
	poolPadding = iota
	poolStrideW
	poolStrideH
	poolKernelW
	poolKernelH
	poolActivation
	poolSlots
)

// Two of the numbers below.
const kindFloat32, kindFloat16 = 0, 1

// tfliteTypes are the types of tensors by their number in a file.
var tfliteTypes = [...]struct {
	name string
	here Type // 0 if this package doesn't know it
}{
	{"FLOAT32", Float32},
	{"FLOAT16", 0},
	{"INT32", Int32},
	{"UINT8", Uint8},
	{"INT64", Int64},
	{"STRING", 0},
	{"BOOL", Bool},
	{"INT16", 0},
	{"COMPLEX64", 0},
	{"INT8", Int8},
	{"FLOAT64", 0},
	{"COMPLEX128", 0},
	{"UINT64", 0},
	{"RESOURCE", 0},
	{"VARIANT", 0},
	{"UINT32", 0},
	{"UINT16", 0},
	{"INT4", 0},
	{"BFLOAT16", 0},
	{"INT2", 0},
	{"UINT4", 0},
	{"FLOAT8_E4M3FN", 0},
	{"FLOAT8_E5M2", 0},
}

// tfliteActivations are the fused activations by their number in a file.
var tfliteActivations = [...]Activation{None, Relu, ReluN1To1, Relu6}

const (
	opCustom      = 32
	opPlaceholder = 127 // in opCodeDeprecated: the number is in opCodeBuiltin
)

// tfliteOps names all operations by their number, to say which one a file has that isn't read here.
var tfliteOps = strings.Fields(`
	ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE EMBEDDING_LOOKUP FLOOR
	FULLY_CONNECTED HASHTABLE_LOOKUP L2_NORMALIZATION L2_POOL_2D LOCAL_RESPONSE_NORMALIZATION LOGISTIC LSH_PROJECTION
	LSTM MAX_POOL_2D MUL RELU RELU_N1_TO_1 RELU6 RESHAPE RESIZE_BILINEAR RNN SOFTMAX SPACE_TO_DEPTH SVDF TANH
	CONCAT_EMBEDDINGS SKIP_GRAM CALL CUSTOM EMBEDDING_LOOKUP_SPARSE PAD UNIDIRECTIONAL_SEQUENCE_RNN GATHER
	BATCH_TO_SPACE_ND SPACE_TO_BATCH_ND TRANSPOSE MEAN SUB DIV SQUEEZE UNIDIRECTIONAL_SEQUENCE_LSTM STRIDED_SLICE
	BIDIRECTIONAL_SEQUENCE_RNN EXP TOPK_V2 SPLIT LOG_SOFTMAX DELEGATE BIDIRECTIONAL_SEQUENCE_LSTM CAST PRELU MAXIMUM
	ARG_MAX MINIMUM LESS NEG PADV2 GREATER GREATER_EQUAL LESS_EQUAL SELECT SLICE SIN TRANSPOSE_CONV SPARSE_TO_DENSE
	TILE EXPAND_DIMS EQUAL NOT_EQUAL LOG SUM SQRT RSQRT SHAPE POW ARG_MIN FAKE_QUANT REDUCE_PROD REDUCE_MAX PACK
	LOGICAL_OR ONE_HOT LOGICAL_AND LOGICAL_NOT UNPACK REDUCE_MIN FLOOR_DIV REDUCE_ANY SQUARE ZEROS_LIKE FILL FLOOR_MOD
	RANGE RESIZE_NEAREST_NEIGHBOR LEAKY_RELU SQUARED_DIFFERENCE MIRROR_PAD ABS SPLIT_V UNIQUE CEIL REVERSE_V2 ADD_N
	GATHER_ND COS WHERE RANK ELU REVERSE_SEQUENCE MATRIX_DIAG QUANTIZE MATRIX_SET_DIAG ROUND HARD_SWISH IF WHILE
	NON_MAX_SUPPRESSION_V4 NON_MAX_SUPPRESSION_V5 SCATTER_ND SELECT_V2 DENSIFY SEGMENT_SUM BATCH_MATMUL
	PLACEHOLDER_FOR_GREATER_OP_CODES CUMSUM CALL_ONCE BROADCAST_TO RFFT2D CONV_3D IMAG REAL COMPLEX_ABS HASHTABLE
	HASHTABLE_FIND HASHTABLE_IMPORT HASHTABLE_SIZE REDUCE_ALL CONV_3D_TRANSPOSE VAR_HANDLE READ_VARIABLE
	ASSIGN_VARIABLE BROADCAST_ARGS RANDOM_STANDARD_NORMAL BUCKETIZE RANDOM_UNIFORM MULTINOMIAL GELU
	DYNAMIC_UPDATE_SLICE RELU_0_TO_1 UNSORTED_SEGMENT_PROD UNSORTED_SEGMENT_MAX UNSORTED_SEGMENT_SUM ATAN2
	UNSORTED_SEGMENT_MIN SIGN BITCAST BITWISE_XOR RIGHT_SHIFT`)
