# The CPU Docker image.
#
#	docker build -t tfcnn .
#	docker run --rm -v "$PWD/out:/out" tfcnn
#
# No syntax of BuildKit's: the classic builder builds it too.

# Both can be set, for a mirror, a newer Debian, or one image for good by its
# digest: --build-arg BASE_IMAGE=debian@sha256:…
ARG GO_IMAGE=golang:1.26-bookworm
ARG BASE_IMAGE=debian:bookworm-slim

FROM ${BASE_IMAGE} AS base

FROM ${GO_IMAGE} AS build
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends binutils gcc libc6-dev libcap2-bin python3-pip \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
# What changes seldom and takes long comes first.
COPY docker/docker.go docker/libtensorflow.manifest docker/
COPY cmd/libtensorflow cmd/libtensorflow
COPY internal/quote internal/quote
COPY docker/libtf docker/libtf
RUN CGO_ENABLED=0 go run ./cmd/libtensorflow -prefix /opt/tfcnn
COPY --from=base /var/lib/dpkg/status /base/var/lib/dpkg/status
COPY --from=base /etc/os-release /base/etc/os-release
COPY . .
ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=
RUN sh docker/assemble.sh
ARG BASE_IMAGE
RUN sbom -root /base -base "$BASE_IMAGE" -prefix /opt/tfcnn -version "$VERSION" -created "$CREATED" \
      -program /image/program/opt/tfcnn/bin/cnndemo -program /image/program/usr/local/bin/cnndemo \
      > /image/program/opt/tfcnn/share/sbom.cdx.json

FROM ${BASE_IMAGE}
ARG BASE_IMAGE
ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=
LABEL org.opencontainers.image.title="tfcnn" \
      org.opencontainers.image.description="Convolutional networks in Go on real TensorFlow, checked: cnndemo on a CPU" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.base.name="${BASE_IMAGE}"
COPY --from=build /image/libraries/ /
COPY --from=build /image/program/ /
ENV TFCNN_IMAGE_VARIANT=cpu
# The launcher drops what it may do before cnndemo starts.
USER 65532:65532
WORKDIR /
ENTRYPOINT ["cnndemo"]
CMD ["run"]
