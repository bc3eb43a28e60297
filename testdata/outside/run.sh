#!/bin/sh
# Builds and runs two modules outside this one, each in an empty folder: this
# folder's, as it is committed, and the README's, by the README's own steps from
# the README's own text.
set -eu
project=$(CDPATH= cd "$(dirname "$0")/../.." && pwd)
go=${GO:-go}
prefix=${LIBTENSORFLOW:-$project/.libtensorflow}
module=$(cd "$project" && $go list -m)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# What is downloaded is the project's: nothing need be looked up, nor may it.
GOMODCACHE=$($go env GOMODCACHE)
GOCACHE=$($go env GOCACHE)
export GOMODCACHE GOCACHE GOPROXY=off GOWORK=off

# A user's machine: go and the program learn of libtensorflow by a file alone.
unset CGO_CFLAGS CGO_LDFLAGS
export GOENV="$folder/tf.env"

# run NAME WANT: the program of a module prints this, and nothing on stderr.
run() {
	got=$(TF_ENABLE_ONEDNN_OPTS=0 "./$1" 2>stderr)
	if [ -s stderr ]; then
		echo "$1: stderr has" >&2
		cat stderr >&2
		exit 1
	fi
	if [ "$got" != "$2" ]; then
		echo "$1: got $got, want $2" >&2
		exit 1
	fi
	echo "ok  	$1	$got"
}

mkdir "$folder/outside" "$folder/hello"
cp "$project"/testdata/outside/main.go "$project"/testdata/outside/go.mod "$project"/testdata/outside/go.sum "$folder/outside/"
cd "$folder/outside"
$go mod edit -replace="$module=$project"
LIBTENSORFLOW= $go tool libtensorflow -prefix "$prefix" -env "$GOENV" >&2
$go build -o outside .
run outside '[4 28 28 32] [4 12 12 8]
[4 14 14 1]'

# The steps stand in the README with four spaces before them, the program in the
# first block of Go. The checkout is another folder here.
cd "$folder/hello"
awk '/^```go$/ { inside = 1; next } /^```$/ { if (inside) exit } inside' "$project/README.md" > main.go
sed -n 's/^    \(go mod .*\)/\1/p' "$project/README.md" | sed "s#\.\./tfcnn#$project#g" > steps
if [ "$(wc -l < steps)" != 3 ]; then
	echo "the README has $(wc -l < steps) steps of go mod, want 3" >&2
	exit 1
fi
cp "$project/go.sum" .
GOFLAGS=-e sh -e steps # without tests of others' modules, which are not there
$go build -o hello .
run hello '[1 10] <nil>'
