// A signed folder on disk: what stands in it is what was signed.
#include <gtest/gtest.h>

#include <filesystem>

#include "files/files.h"
#include "journal/model_folder.h"

namespace journal {
namespace {

class SignedFolder : public testing::Test {
 protected:
  SignedFolder() {
    write("config.json", "{}");
    write("weights/0.bin", std::string(100'000, 'w'));
    write(".gitignore", "*");
    EXPECT_TRUE(sign_folder(folder_.path(), path("model.sig"), key_));
  }
  std::string path(const std::string& name) const { return files::join(folder_.path(), name); }
  void write(const std::string& name, const std::string& text) const {
    ASSERT_TRUE(files::make_directories(files::parent(path(name))));
    ASSERT_TRUE(files::write_unsynced(path(name), text));
  }
  std::string reason() const {
    const auto manifest = verify_folder(folder_.path(), path("model.sig"), key_.public_key());
    return manifest ? "" : manifest.error().reason;
  }
  const files::TemporaryDirectory folder_ = files::TemporaryDirectory::create().value();
  const crypto::EcPrivateKey key_ = crypto::EcPrivateKey::generate();
};

TEST_F(SignedFolder, IsWhatWasSigned) {
  const auto manifest = verify_folder(folder_.path(), path("model.sig"), key_.public_key());
  ASSERT_TRUE(manifest) << manifest.error().text();
  EXPECT_EQ(manifest->resources.size(), 2u);
  EXPECT_EQ(verify_folder(folder_.path(), path("model.sig"),
                          crypto::EcPrivateKey::generate().public_key())
                .error()
                .reason,
            "BAD_KEY");
}

TEST_F(SignedFolder, AChangedMissingOrAddedFileIsNamed) {
  write("config.json", "{ }");
  EXPECT_EQ(reason(), "MANIFEST_DIGEST");
  ASSERT_TRUE(files::remove_file(path("config.json")));
  EXPECT_EQ(reason(), "MANIFEST_MISSING");
  write("config.json", "{}");
  EXPECT_EQ(reason(), "");
  write("weights/1.bin", "");
  EXPECT_EQ(reason(), "MANIFEST_UNLISTED");
}

TEST_F(SignedFolder, HoldsNoLinks) {
  std::filesystem::create_symlink("/etc/hostname", path("link"));
  EXPECT_EQ(reason(), "MANIFEST_SYMLINK");
  EXPECT_EQ(sign_folder(folder_.path(), path("model.sig"), key_).error().reason,
            "MANIFEST_SYMLINK");
}

}  // namespace
}  // namespace journal
