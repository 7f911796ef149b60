import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { BuildOptions } from '../build-options.js';

const HOMEPAGE = 'https://github.com/multiarch-cli/multiarch';
const DESCRIPTION = 'Assemble per-architecture container images into one multi-arch image index';

/** A release file that a package manager downloads. */
interface Download {
  readonly url: string;
  /** In hexadecimal digits. */
  readonly sha256: string;
}

/**
 * Writes the recipes of other package managers: a Homebrew formula, a Scoop manifest and a Nix expression. They download the
 * archives of the executables, which exist in the directory.
 */
export async function writeFormulas({ version, directory }: BuildOptions): Promise<string[]> {
  const download = async (target: string): Promise<Download> => {
    const name = `multiarch-${version}-${target}`;
    const sha256 = createHash('sha256')
      .update(await readFile(join(directory, name)))
      .digest('hex');
    return { url: `${HOMEPAGE}/releases/download/v${version}/${name}`, sha256 };
  };
  const [darwinAmd64, darwinArm64, linuxAmd64, linuxArm64, windowsAmd64] = await Promise.all([
    download('darwin-amd64.tar.gz'),
    download('darwin-arm64.tar.gz'),
    download('linux-amd64.tar.gz'),
    download('linux-arm64.tar.gz'),
    download('windows-amd64.zip'),
  ]);
  const unix = { darwinAmd64, darwinArm64, linuxAmd64, linuxArm64 };
  const texts = {
    'multiarch.rb': homebrewFormula(version, unix),
    'multiarch.json': scoopManifest(version, windowsAmd64),
    'multiarch.nix': nixExpression(version, unix),
  };
  return Promise.all(
    Object.entries(texts).map(async ([name, text]) => {
      const path = join(directory, name);
      await writeFile(path, text);
      return path;
    }),
  );
}

type UnixDownloads = Readonly<Record<'darwinAmd64' | 'darwinArm64' | 'linuxAmd64' | 'linuxArm64', Download>>;

/** The formula for a tap. Homebrew reads the version from the URLs. */
function homebrewFormula(version: string, files: UnixDownloads): string {
  const download = ({ url, sha256 }: Download): string => `url "${url}"\n      sha256 "${sha256}"`;
  return `# Formula of multiarch ${version}, generated from the checksums of its release files.
class Multiarch < Formula
  desc "${DESCRIPTION}"
  homepage "${HOMEPAGE}"
  version "${version}"
  license "Apache-2.0"

  on_macos do
    on_arm do
      ${download(files.darwinArm64)}
    end
    on_intel do
      ${download(files.darwinAmd64)}
    end
  end

  on_linux do
    on_arm do
      ${download(files.linuxArm64)}
    end
    on_intel do
      ${download(files.linuxAmd64)}
    end
  end

  def install
    bin.install "multiarch"
    man1.install Dir["**/*.1"]
    generate_completions_from_executable(bin/"multiarch", "completion")
    (lib/"docker/cli-plugins").install_symlink bin/"multiarch" => "docker-multiarch"
  end

  def caveats
    <<~EOS
      To use it as a docker plugin, add the directory of plugins to ~/.docker/config.json:
        "cliPluginsExtraDirs": ["#{HOMEBREW_PREFIX}/lib/docker/cli-plugins"]
    EOS
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/multiarch --version")
  end
end
`;
}

/** The manifest for a bucket, which Scoop's own tools can update to later releases. */
function scoopManifest(version: string, { url, sha256 }: Download): string {
  const manifest = {
    version,
    description: DESCRIPTION,
    homepage: HOMEPAGE,
    license: 'Apache-2.0',
    architecture: { '64bit': { url, hash: sha256 } },
    bin: 'multiarch.exe',
    checkver: 'github',
    autoupdate: {
      architecture: {
        '64bit': { url: `${HOMEPAGE}/releases/download/v$version/multiarch-$version-windows-amd64.zip` },
      },
      hash: { url: '$baseurl/SHA256SUMS' },
    },
  };
  return `${JSON.stringify(manifest, undefined, 2)}\n`;
}

/** A function for \`callPackage\`. */
function nixExpression(version: string, files: UnixDownloads): string {
  const source = (system: string, { url, sha256 }: Download): string => `    ${system} = {
      url = "${url}";
      hash = "sha256-${Buffer.from(sha256, 'hex').toString('base64')}";
    };
`;
  return `# multiarch ${version}, generated from the checksums of its release files:
# nix-build -E 'with import <nixpkgs> { }; callPackage ./multiarch.nix { }'
{
  lib,
  stdenv,
  fetchurl,
  autoPatchelfHook,
  installShellFiles,
}:

let
  sources = {
${[
  source('aarch64-darwin', files.darwinArm64),
  source('aarch64-linux', files.linuxArm64),
  source('x86_64-darwin', files.darwinAmd64),
  source('x86_64-linux', files.linuxAmd64),
].join('')}  };
  inherit (stdenv.hostPlatform) system;
in
stdenv.mkDerivation {
  pname = "multiarch";
  version = "${version}";

  src = fetchurl (sources.\${system} or (throw "multiarch has no executable for \${system}"));
  sourceRoot = ".";

  nativeBuildInputs = [ installShellFiles ] ++ lib.optional stdenv.hostPlatform.isLinux autoPatchelfHook;
  buildInputs = [ (lib.getLib stdenv.cc.cc) ];

  # The executable has its program in a section that is not code.
  dontStrip = true;

  installPhase = ''
    runHook preInstall
    install -D --mode=755 "$(find . -name multiarch -type f)" $out/bin/multiarch
    installManPage $(find . -name '*.1')
    mkdir -p $out/libexec/docker/cli-plugins
    ln -s $out/bin/multiarch $out/libexec/docker/cli-plugins/docker-multiarch
    runHook postInstall
  '';

  # After the executable has the dynamic linker of Nix.
  postFixup = lib.optionalString (stdenv.buildPlatform.canExecute stdenv.hostPlatform) ''
    for shell in bash fish zsh; do
      $out/bin/multiarch completion $shell > multiarch.$shell
    done
    installShellCompletion multiarch.{bash,fish,zsh}
  '';

  meta = {
    description = "${DESCRIPTION}";
    homepage = "${HOMEPAGE}";
    license = lib.licenses.asl20;
    mainProgram = "multiarch";
    platforms = builtins.attrNames sources;
    sourceProvenance = [ lib.sourceTypes.binaryNativeCode ];
  };
}
`;
}
