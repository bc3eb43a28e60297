// Tensors with memory of their own, which TensorFlow may refer to after a run.

#include <stdlib.h>
#include <string.h>
#include "tensorflow/c/c_api.h"
#include "tensorflow/c/tf_tensor.h"
#include "tensorflow/c/tf_tstring.h"

// string_free is called when nothing refers to a tensor of one string any more.
static void string_free(void* s, size_t bytes, void* none) {
	TF_StringDealloc(s);
	free(s);
}

// string_tensor makes a tensor of one string. Null where there is no memory.
static TF_Tensor* string_tensor(const void* text, size_t bytes) {
	TF_TString* s = aligned_alloc(64, (sizeof *s + 63) / 64 * 64);
	if (!s) return NULL;
	TF_StringInit(s);
	TF_StringCopy(s, text, bytes);
	return TF_NewTensor(TF_STRING, NULL, 0, s, sizeof *s, string_free, NULL);
}

// copied_tensor makes a tensor of numbers. Null where there is no memory.
static TF_Tensor* copied_tensor(TF_DataType type, const int64_t* shape, int rank, const void* data, size_t bytes) {
	TF_Tensor* t = TF_AllocateTensor(type, shape, rank, bytes);
	if (!t || !bytes) return t;
	if (!TF_TensorData(t)) { // that is how TensorFlow says that it has no memory
		TF_DeleteTensor(t);
		return NULL;
	}
	memcpy(TF_TensorData(t), data, bytes);
	return t;
}
