package libtf

import (
	"archive/zip"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// Part is a library of another project that is linked into TensorFlow's.
type Part struct {
	Name   string
	Source string // where its project is: a folder of github.com, else a URL
	// Marker is a text in TensorFlow's libraries, stripped too, that only the
	// part brings; "" where stripping leaves none.
	Marker string

	header string   // in the wheel's tensorflow/include, for the version
	macros []string // regular expressions of the version's numbers there
}

// Parts lists the libraries in TensorFlow's, as symbols and texts of the wheel's
// own bytes show them.
var Parts = []Part{
	part("abseil-cpp", "abseil/abseil-cpp", "4absl12lts_20", "absl/base/config.h", `define ABSL_LTS_RELEASE_VERSION (\d+)`, `define ABSL_LTS_RELEASE_PATCH_LEVEL (\d+)`),
	part("boringssl", "google/boringssl", "BORINGSSL_self_test", ""),
	part("brotli", "google/brotli", "BrotliDecoderDecompressStream", ""),
	part("cpuinfo", "pytorch/cpuinfo", "before cpuinfo is initialized", ""),
	part("curl", "curl/curl", "curl_easy_perform", "external/curl/include/curl/curlver.h", `define LIBCURL_VERSION "(.+)"`),
	part("ducc", "mreineck/ducc", "N5ducc0", ""),
	part("eigen", "https://gitlab.com/libeigen/eigen", "N5Eigen", "Eigen/Version", `define EIGEN_MAJOR_VERSION (\d+)`, `define EIGEN_MINOR_VERSION (\d+)`, `define EIGEN_PATCH_VERSION (\d+)`),
	part("farmhash", "google/farmhash", "farmhash", ""),
	part("flatbuffers", "google/flatbuffers", "flatbuffers", ""),
	part("gemmlowp", "google/gemmlowp", "N8gemmlowp", ""),
	part("giflib", "https://giflib.sourceforge.net", "DGifSlurp", "external/gif/gif_lib.h", `define GIFLIB_MAJOR (\d+)`, `define GIFLIB_MINOR (\d+)`, `define GIFLIB_RELEASE (\d+)`),
	part("grpc", "grpc/grpc", "grpc-c++/", "external/com_github_grpc_grpc/include/grpcpp/version_info.h", `define GRPC_CPP_VERSION_STRING "(.+)"`),
	part("highway", "google/highway", "com_google_highway/hwy", "external/com_google_highway/hwy/base.h", `define HWY_MAJOR (\d+)`, `define HWY_MINOR (\d+)`, `define HWY_PATCH (\d+)`),
	part("highwayhash", "google/highwayhash", "highwayhash", ""),
	part("hwloc", "open-mpi/hwloc", "hwloc_topology_init", "external/hwloc/include/hwloc/autogen/config.h", `define HWLOC_VERSION "(.+)"`),
	part("icu", "unicode-org/icu", "icudt", "external/icu/icu4c/source/common/unicode/uvernum.h", `define U_ICU_VERSION "(.+)"`),
	part("jpegxl", "libjxl/libjxl", "", "external/jpegxl/lib/include/jxl/version.h", `define JPEGXL_MAJOR_VERSION (\d+)`, `define JPEGXL_MINOR_VERSION (\d+)`, `define JPEGXL_PATCH_VERSION (\d+)`),
	part("jsoncpp", "open-source-parsers/jsoncpp", "N4Json", "include/json/version.h", `define JSONCPP_VERSION_STRING "(.+)"`),
	part("libjpeg-turbo", "libjpeg-turbo/libjpeg-turbo", "libjpeg-turbo version", "external/libjpeg_turbo/jconfig.h", `define LIBJPEG_TURBO_VERSION +(\S+)`),
	part("libpng", "pnggroup/libpng", "libpng error", "external/png/png.h", `define PNG_LIBPNG_VER_STRING "(.+)"`),
	part("libwebp", "webmproject/libwebp", "", ""),
	part("llvm", "llvm/llvm-project", "LLVM version", ""),
	part("ml_dtypes", "jax-ml/ml_dtypes", "ml_dtypes", ""),
	part("onednn", "uxlfoundation/oneDNN", "N4dnnl", "external/onednn/include/oneapi/dnnl/dnnl_version.h", `define DNNL_VERSION_MAJOR (\d+)`, `define DNNL_VERSION_MINOR (\d+)`, `define DNNL_VERSION_PATCH (\d+)`),
	part("protobuf", "protocolbuffers/protobuf", "N6google8protobuf", "google/protobuf/runtime_version.h", `define PROTOBUF_OSS_VERSION (\d)\d{6}`, `define PROTOBUF_OSS_VERSION \d0*(\d+)\d{3}\s`, `define PROTOBUF_OSS_VERSION \d{4}0*(\d+)\s`),
	part("re2", "google/re2", "N3re2", ""),
	part("riegeli", "google/riegeli", "N7riegeli", ""),
	part("ruy", "google/ruy", "N3ruy", ""),
	part("shardy", "openxla/shardy", "4mlir3sdy", ""),
	part("slinky", "dsharlet/slinky", "N6slinky", ""),
	part("snappy", "google/snappy", "N6snappy", ""),
	part("sqlite", "https://sqlite.org", "sqlite3_open", "external/org_sqlite/sqlite3.h", `define SQLITE_VERSION +"(.+)"`),
	part("stablehlo", "openxla/stablehlo", "stablehlo", ""),
	part("upb", "protocolbuffers/protobuf", "upb_", ""),
	part("xnnpack", "google/XNNPACK", "external/XNNPACK/", ""),
	part("zlib", "madler/zlib", " deflate ", "external/zlib/zlib.h", `define ZLIB_VERSION "(.+)"`),
	part("zstd", "facebook/zstd", "ZSTD_decompress", ""),
}

func part(name, source, marker, header string, macros ...string) Part {
	p := Part{Name: name, Source: source, Marker: marker, header: header, macros: macros}
	if !strings.Contains(source, "://") {
		p.Source = "https://github.com/" + source
	}
	return p
}

// partVersions returns the parts' versions as the wheel's headers tell them, by
// name. A part whose header is not in the wheel has none.
func partVersions(wheel string) (map[string]string, error) {
	archive, err := zip.OpenReader(wheel)
	if err != nil {
		return nil, fmt.Errorf("libtf: parts: %w", err)
	}
	defer archive.Close()
	headers := map[string]*zip.File{}
	for _, f := range archive.File {
		headers[f.Name] = f
	}
	versions := map[string]string{}
	for _, p := range Parts {
		f := headers["tensorflow/include/"+p.header]
		if f == nil {
			continue
		}
		in, err := f.Open()
		if err != nil {
			return nil, fmt.Errorf("libtf: parts: %s: %w", p.header, err)
		}
		text, err := io.ReadAll(io.LimitReader(in, 4<<20))
		in.Close()
		if err != nil {
			return nil, fmt.Errorf("libtf: parts: %s: %w", p.header, err)
		}
		if version := p.version(string(text)); version != "" {
			versions[p.Name] = version
		}
	}
	return versions, nil
}

// version joins what the macros' first definitions say; it is "" where one is
// missing.
func (p Part) version(header string) string {
	var numbers []string
	for _, m := range p.macros {
		found := regexp.MustCompile(m).FindStringSubmatch(header)
		if found == nil {
			return ""
		}
		numbers = append(numbers, found[1])
	}
	return strings.Join(numbers, ".")
}
