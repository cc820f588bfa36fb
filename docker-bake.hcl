// `docker buildx bake` builds both images for this machine's platform; RELEASE=true for amd64 and arm64, with attestations.
// `pnpm images` fills in the variables; each is an environment variable.

variable "REGISTRY" { default = "" } // before the names, with a slash at its end
variable "TAG" { default = "dev" }
variable "NODE_IMAGE" { default = "" } // the Dockerfiles' own unless given
variable "RELEASE" { default = false }
variable "PLATFORM" { default = "" } // this machine's unless given
variable "CACHE" { default = "" } // an image repository in which CI keeps its layers: registry.example/wharf-cache

variable "SBOM_GENERATOR" { default = "" } // BuildKit's own unless given: docker/buildkit-syft-scanner, from Docker Hub

// What the labels say of where the source is from.
variable "VERSION" { default = "" }
variable "REVISION" { default = "" }
variable "CREATED" { default = "" }
variable "SOURCE" { default = "" }

// Files that are mounted while packages are fetched, and are in no layer: a registry's settings, certificate authorities.
variable "NPM_CONFIG_USERCONFIG" { default = "" }
variable "NODE_EXTRA_CA_CERTS" { default = "" }

group "default" {
  targets = ["fileserver", "downloader"]
}

target "common" {
  context   = "."
  args      = { NODE_IMAGE = NODE_IMAGE != "" ? NODE_IMAGE : null }
  platforms = RELEASE ? ["linux/amd64", "linux/arm64"] : compact([PLATFORM])
  attest    = RELEASE ? [SBOM_GENERATOR != "" ? "type=sbom,generator=${SBOM_GENERATOR}" : "type=sbom", "type=provenance,mode=max"] : []
  secret = compact([
    NPM_CONFIG_USERCONFIG != "" ? "id=npmrc,src=${NPM_CONFIG_USERCONFIG}" : "",
    NODE_EXTRA_CA_CERTS != "" ? "id=ca,src=${NODE_EXTRA_CA_CERTS}" : "",
  ])
  labels = {
    for name, value in { version = VERSION, revision = REVISION, created = CREATED, source = SOURCE } :
    "org.opencontainers.image.${name}" => value if value != ""
  }
}

target "fileserver" {
  inherits   = ["common"]
  dockerfile = "Dockerfile.fileserver"
  tags       = ["${REGISTRY}wharf/fileserver:${TAG}"]
  cache-from = CACHE != "" ? ["type=registry,ref=${CACHE}:fileserver"] : []
  cache-to   = CACHE != "" ? ["type=registry,ref=${CACHE}:fileserver,mode=max"] : []
}

target "downloader" {
  inherits   = ["common"]
  dockerfile = "Dockerfile.downloader"
  tags       = ["${REGISTRY}wharf/downloader:${TAG}"]
  cache-from = CACHE != "" ? ["type=registry,ref=${CACHE}:downloader"] : []
  cache-to   = CACHE != "" ? ["type=registry,ref=${CACHE}:downloader,mode=max"] : []
}
