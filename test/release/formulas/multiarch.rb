# Formula of multiarch 1.2.3, generated from the checksums of its release files.
class Multiarch < Formula
  desc "Assemble per-architecture container images into one multi-arch image index"
  homepage "https://github.com/multiarch-cli/multiarch"
  version "1.2.3"
  license "Apache-2.0"

  on_macos do
    on_arm do
      url "https://github.com/multiarch-cli/multiarch/releases/download/v1.2.3/multiarch-1.2.3-darwin-arm64.tar.gz"
      sha256 "d9019486f5d81504bd4d9c3f85b3b6c6789a7f6f82b31aac8444da978880835b"
    end
    on_intel do
      url "https://github.com/multiarch-cli/multiarch/releases/download/v1.2.3/multiarch-1.2.3-darwin-amd64.tar.gz"
      sha256 "9a8475d2b0932d6d53659ba19886bf40e87784e8350048af337e4cb721111bb3"
    end
  end

  on_linux do
    on_arm do
      url "https://github.com/multiarch-cli/multiarch/releases/download/v1.2.3/multiarch-1.2.3-linux-arm64.tar.gz"
      sha256 "c5f02acdea05745565d6bda66ea755ba36fc5d53385ebe2f7efc173ed97e69e2"
    end
    on_intel do
      url "https://github.com/multiarch-cli/multiarch/releases/download/v1.2.3/multiarch-1.2.3-linux-amd64.tar.gz"
      sha256 "87cd25eec014a456ef176e6cc246ec258d02e5a7b9a0cd3622d8dcabcbd2b505"
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
