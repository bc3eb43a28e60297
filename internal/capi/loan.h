// A loan of memory to TensorFlow, which says when it gives it back: from any
// thread, and not always before its run is back.

#include <pthread.h>
#include <stdlib.h>
#include "tensorflow/c/c_api.h"
#include "tensorflow/c/tf_tensor.h"

typedef struct {
	pthread_mutex_t mutex;
	pthread_cond_t back;
	int lent, returned;
} loan;

static void loan_give_back(void* data, size_t bytes, void* of) {
	loan* l = of;
	pthread_mutex_lock(&l->mutex);
	l->returned = 1;
	pthread_cond_signal(&l->back);
	pthread_mutex_unlock(&l->mutex);
}

// loan_tensor makes a tensor of lent memory. TensorFlow copies it, and gives it
// back at once, where it does not like its alignment. Null where it takes none.
static TF_Tensor* loan_tensor(loan* l, TF_DataType type, const int64_t* shape, int rank, void* data, size_t bytes) {
	pthread_mutex_init(&l->mutex, NULL);
	pthread_cond_init(&l->back, NULL);
	l->returned = 0;
	TF_Tensor* t = TF_NewTensor(type, shape, rank, data, bytes, loan_give_back, l);
	l->lent = t != NULL;
	return t;
}

// loan_end waits until the memory is back, where it was lent. The tensor is
// deleted before.
static void loan_end(loan* l) {
	if (!l->lent) return;
	pthread_mutex_lock(&l->mutex);
	while (!l->returned) pthread_cond_wait(&l->back, &l->mutex);
	pthread_mutex_unlock(&l->mutex);
	pthread_cond_destroy(&l->back);
	pthread_mutex_destroy(&l->mutex);
}
