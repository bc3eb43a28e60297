package parent

/*
#cgo LDFLAGS: -ldl
void tfcnn_parent_ended(void);
*/
import "C"

// Ended is called before a program ends with a status of its own.
func Ended() { C.tfcnn_parent_ended() }
