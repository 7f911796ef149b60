#!/usr/bin/env bash
# Publishes IMAGE:VERSION and IMAGE:latest from IMAGE:VERSION-amd64 and IMAGE:VERSION-arm64.
# Writes the digest of each platform and the previous digest of each tag to release.json.
#
# Usage: release.sh IMAGE VERSION
set -euo pipefail

image=${1:?usage: release.sh IMAGE VERSION}
version=${2:?usage: release.sh IMAGE VERSION}
platforms=linux/amd64,linux/arm64

# --amend continues a draft that an interrupted run has left.
multiarch create --amend "$image:$version" "$image:$version-{arch}" --platform "$platforms"
multiarch push "$image:$version" --require "$platforms" --tag latest --dry-run
digest=$(
  multiarch push "$image:$version" --require "$platforms" --tag latest \
    --purge --quiet --metadata-file release.json
)
multiarch validate "$image@$digest"
echo "published $image@$digest"
