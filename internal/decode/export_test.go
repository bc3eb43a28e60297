package decode

// Header is what is read of a file before TensorFlow sees it.
func Header(file []byte) (height, width, turn int, err error) {
	h, err := readHeader(file)
	if err != nil {
		return 0, 0, 0, err
	}
	return h.height, h.width, h.upright(), nil
}
