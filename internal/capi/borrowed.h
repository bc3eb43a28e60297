// Memory that TensorFlow borrows for a run. TensorFlow reports its return from any
// thread, and sometimes after the run has returned.

#include <pthread.h>
#include <stdlib.h>
#include "tensorflow/c/c_api.h"
#include "tensorflow/c/tf_tensor.h"

typedef struct {
	pthread_mutex_t mutex;
	pthread_cond_t returning;
	int borrowed, returned;
} borrowed_memory;

static void memory_returned(void* data, size_t bytes, void* memory) {
	borrowed_memory* m = memory;
	pthread_mutex_lock(&m->mutex);
	m->returned = 1;
	pthread_cond_signal(&m->returning);
	pthread_mutex_unlock(&m->mutex);
}

// borrow_tensor makes a tensor of the caller's memory. Where TensorFlow does not
// accept its alignment, TensorFlow copies the memory and returns it at once. The
// result is null where TensorFlow makes no tensor.
static TF_Tensor* borrow_tensor(borrowed_memory* m, TF_DataType type, const int64_t* shape, int rank, void* data, size_t bytes) {
	pthread_mutex_init(&m->mutex, NULL);
	pthread_cond_init(&m->returning, NULL);
	m->returned = 0;
	TF_Tensor* t = TF_NewTensor(type, shape, rank, data, bytes, memory_returned, m);
	m->borrowed = t != NULL;
	return t;
}

// await_return waits until TensorFlow has returned the memory. The tensor must be
// deleted before.
static void await_return(borrowed_memory* m) {
	if (!m->borrowed) return;
	pthread_mutex_lock(&m->mutex);
	while (!m->returned) pthread_cond_wait(&m->returning, &m->mutex);
	pthread_mutex_unlock(&m->mutex);
	pthread_cond_destroy(&m->returning);
	pthread_mutex_destroy(&m->mutex);
}
