package ref

import "tfcnn/internal/ir"

// Documented says what this package answers where op's input makes correct
// kernels differ (Unspecified), and why they do; "" where there is no such
// input.
func Documented(op ir.Op) string {
	switch op.(type) {
	case ir.Conv2D, ir.DepthwiseConv2D, ir.Conv2DTranspose:
		return "a filter's NaN or infinity counts only where its tap meets the input; kernels that multiply padding by it give NaN. An infinity times a subnormal number is an infinity; kernels that read that number as zero give NaN"
	case ir.Dense:
		return "an infinity times a subnormal number is an infinity; kernels that read that number as zero give NaN"
	case ir.MaxPool:
		return "a window with a NaN gives NaN, and one of nothing but −Inf gives −Inf; TensorFlow's CPU kernel drops a NaN beside numbers and starts from −3.4e38"
	case ir.ReLU, ir.ReLU6, ir.LeakyReLU, ir.ELU, ir.SELU:
		return "NaN gives NaN; kernels that compare give another number"
	case ir.Resize:
		return "a NaN or an infinity counts where its weight is not zero; kernels that multiply it by zero give NaN, and which of two pixels is the nearest may hang on a rounding"
	case ir.Softmax:
		return "a row with NaN or +Inf gives NaN; kernels whose maximum drops NaN give numbers"
	case ir.BatchNorm:
		return "a negative variance gives NaN; an infinity gives what the formula gives"
	case ir.ScaleShift:
		return "an infinity times a subnormal number is an infinity; kernels that read that number as zero give NaN"
	case ir.LRN:
		return "an infinity gives what the formula gives"
	}
	return ""
}
