module outside

go 1.26.0

require tfcnn v0.0.0

replace tfcnn => ../..

tool tfcnn/cmd/libtensorflow
