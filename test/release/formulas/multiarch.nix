# multiarch 1.2.3, generated from the checksums of its release files:
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
    aarch64-darwin = {
      url = "https://github.com/multiarch-cli/multiarch/releases/download/v1.2.3/multiarch-1.2.3-darwin-arm64.tar.gz";
      hash = "sha256-2QGUhvXYFQS9TZw/hbO2xniaf2+CsxqshETal4iAg1s=";
    };
    aarch64-linux = {
      url = "https://github.com/multiarch-cli/multiarch/releases/download/v1.2.3/multiarch-1.2.3-linux-arm64.tar.gz";
      hash = "sha256-xfAqzeoFdFVl1r2mbqdVujb8XVM4Xr4vfvwXPtl+aeI=";
    };
    x86_64-darwin = {
      url = "https://github.com/multiarch-cli/multiarch/releases/download/v1.2.3/multiarch-1.2.3-darwin-amd64.tar.gz";
      hash = "sha256-moR10rCTLW1TZZuhmIa/QOh3hOg1AEivM35MtyERG7M=";
    };
    x86_64-linux = {
      url = "https://github.com/multiarch-cli/multiarch/releases/download/v1.2.3/multiarch-1.2.3-linux-amd64.tar.gz";
      hash = "sha256-h80l7sAUpFbvF25swkbsJY0C5ae5oM02Itjcq8vStQU=";
    };
  };
  inherit (stdenv.hostPlatform) system;
in
stdenv.mkDerivation {
  pname = "multiarch";
  version = "1.2.3";

  src = fetchurl (sources.${system} or (throw "multiarch has no executable for ${system}"));
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
    description = "Assemble per-architecture container images into one multi-arch image index";
    homepage = "https://github.com/multiarch-cli/multiarch";
    license = lib.licenses.asl20;
    mainProgram = "multiarch";
    platforms = builtins.attrNames sources;
    sourceProvenance = [ lib.sourceTypes.binaryNativeCode ];
  };
}
