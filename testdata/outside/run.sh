#!/bin/sh
# Builds and runs main.go as a module of its own, away from this one.
set -eu
project=$(CDPATH= cd "$(dirname "$0")/../.." && pwd)
go=${GO:-go}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp "$project/testdata/outside/main.go" "$folder/"
# Versions and sums are the project's: nothing need be looked up, nor may it.
export GOPROXY=off
sed -e 's/^module .*/module outside/' "$project/go.mod" > "$folder/go.mod"
cp "$project/go.sum" "$folder/"
cd "$folder"
$go mod edit -require=tfcnn@v0.0.0 -replace="tfcnn=$project"
$go build -mod=mod -o outside .
got=$(TF_ENABLE_ONEDNN_OPTS=0 ./outside 2>stderr)
if [ -s stderr ]; then
	echo "outside: stderr has" >&2
	cat stderr >&2
	exit 1
fi
want='[4 28 28 32] [4 12 12 8]'
if [ "$got" != "$want" ]; then
	echo "outside: got $got, want $want" >&2
	exit 1
fi
echo "ok  	outside	$got"
