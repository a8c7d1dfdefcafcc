// Signed notes, checkpoints and tiles against published logs and notes, and against everything that
// is not one.
#include "govern/note.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "crypto/merkle.h"
#include "govern/checkpoint.h"
#include "govern/dsse.h"
#include "govern/tiles.h"

namespace govern {
namespace {

namespace fs = std::filesystem;

// The key of the public test log of transparency-dev/tessera, and the seed of golang.org/x/mod's
// PeterNeumann.
constexpr std::string_view kLogKey =
    "PRIVATE+KEY+example.com/log/testdata+33d7b496+AeymY/SZAX0jZcJ8enZ5FY1Dz+wTML2yWSkK+9DSF3eg";
constexpr std::string_view kLogVkey =
    "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx";
constexpr std::string_view kPeter =
    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
constexpr std::string_view kPeterNote =
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann "
    "x08go/ZJkuBS9UG/"
    "SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

const fs::path kTessera = CHARTER_SOURCE_DIR "/../shared/vectors/tessera-log/testdata/log";
const std::string_view kLeaves[] = {"one",    "two",   "three",    "four",    "five",
                                    "six",    "seven", "eit",      "nain",    "ten",
                                    "ileven", "twelf", "threeten", "fourten", "fivten"};

TEST(Note, ReadsTheNoteOfPeterNeumann) {
  const auto key = parse_vkey(kPeter).value();
  const auto note = parse_note(kPeterNote).value();
  EXPECT_EQ(verify_note(note, {&key, 1}).value().size(), 1u);
  EXPECT_EQ(format_note(note), kPeterNote);
  EXPECT_EQ(format_vkey(key), kPeter);
}

TEST(Note, IgnoresStrangersAndRefusesABadSignatureOfAKnownKey) {
  const SignerKey ada{"ada", crypto::PrivateKey::generate()},
      bob{"bob", crypto::PrivateKey::generate()};
  const VerifierKey known[] = {ada.verifier()};
  Note note{"hello\n", {}};
  sign_note(&note, ada);
  sign_note(&note, bob);
  const auto read_back = parse_note(format_note(note)).value();
  EXPECT_EQ(verify_note(read_back, known).value().size(), 1u);
  Note bad = read_back;
  bad.signatures[0].bytes[5] ^= 1;
  EXPECT_EQ(verify_note(bad, known).error().reason, "BAD_SIG");
  Note changed = read_back;
  changed.text = "hullo\n";
  EXPECT_EQ(verify_note(changed, known).error().reason, "BAD_SIG");
  Note stranger{"hello\n", {}};
  sign_note(&stranger, bob);
  EXPECT_TRUE(verify_note(stranger, known).value().empty());
}

TEST(Note, RefusesWhatIsNotOne) {
  const std::string good(kPeterNote);
  ASSERT_TRUE(parse_note(good));
  for (std::string bad :
       {std::string("no signature\n"), std::string("text\n\n"), std::string(""),
        good.substr(0, good.size() - 1), "text\x01\n" + good, "text\r\n" + good, good + "\n",
        good + "trailing", std::string("text\n\n— name+plus AAAAAAA=\n"),
        std::string("text\n\n- name AAAAAAAA\n"), std::string("text\n\n— name AAAA\n"),
        std::string("text\n\n— name x08go_ZJkuA=\n"), std::string("text\n\n— name x08goZJkuA\n"),
        std::string("text\n\n—  AAAAAAAAAAA=\n"), std::string("text\xff\n\n— name AAAAAAAA\n"),
        std::string(1'000'001, 'a')}) {
    EXPECT_FALSE(parse_note(bad)) << bad.substr(0, 80);
  }
  std::string many = "text\n\n";
  for (int i = 0; i < 101; ++i) many += "— name AAAAAAAAAAA=\n";
  EXPECT_FALSE(parse_note(many));
}

TEST(Note, ReadsKeysStrictly) {
  const std::string good(kLogVkey);
  ASSERT_TRUE(parse_vkey(good));
  EXPECT_FALSE(parse_vkey("example.com/log/testdata"));
  EXPECT_FALSE(parse_vkey("+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"));
  EXPECT_EQ(
      parse_vkey("other+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx").error().reason,
      "BAD_KEY");
  EXPECT_FALSE(parse_vkey(good.substr(0, good.size() - 4)));
  EXPECT_FALSE(parse_vkey("name with space+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"));
  const auto signer = parse_signer_key(kLogKey).value();
  EXPECT_EQ(format_vkey(signer.verifier()), kLogVkey);
  EXPECT_EQ(format_signer_key(signer).reveal(), kLogKey);
  EXPECT_FALSE(parse_signer_key(kLogVkey));
  // A key of small order: canonical bytes of the neutral element.
  std::string neutral = std::string(1, '\x01') + '\x01' + std::string(31, '\0');
  EXPECT_EQ(parse_vkey("x+00000000+" + base::base64(base::as_bytes(neutral))).error().reason,
            "BAD_KEY");
}

TEST(Checkpoint, ReadsStrictly) {
  const std::string root = base::base64(crypto::merkle_empty_root());
  EXPECT_EQ(parse_checkpoint("log\n7\n" + root + "\n").value().size, 7u);
  for (const std::string& bad : std::vector<std::string>{
           "log\n007\n" + root + "\n", "log\n7\n" + root, "log\n7\n" + root + "\nmore\n",
           "\n7\n" + root + "\n", "log\n-1\n" + root + "\n", "log\n7\nAAAA\n",
           "log\n99999999999999999999\n" + root + "\n"})
    EXPECT_FALSE(parse_checkpoint(bad)) << bad;
}

TEST(Checkpoint, SignsAllSixteenOfAPublishedLogByteForByte) {
  const auto key = parse_signer_key(kLogKey).value();
  crypto::MerkleFrontier tree;
  // Size 0 needs no file of another program: its root is that of nothing.
  EXPECT_EQ(open_checkpoint(signed_checkpoint({key.name, 0, tree.root()}, key), key.verifier())
                .value()
                .size,
            0u);
  if (!fs::exists(kTessera)) GTEST_SKIP() << "the log is not here: " << kTessera;
  for (size_t size = 0; size <= 15; ++size) {
    if (size > 0) tree.append(crypto::merkle_leaf(base::as_bytes(kLeaves[size - 1])));
    EXPECT_EQ(signed_checkpoint({key.name, size, tree.root()}, key),
              read(kTessera / ("checkpoint." + std::to_string(size))))
        << size;
  }
}

TEST(Tiles, HoldWhatAPublishedLogHolds) {
  if (!fs::exists(kTessera)) GTEST_SKIP() << "the log is not here: " << kTessera;
  for (size_t size = 1; size <= 15; ++size) {
    std::string bundle, hashes;
    for (size_t i = 0; i < size; ++i) {
      ASSERT_TRUE(append_entry(&bundle, kLeaves[i]));
      hashes += base::as_text(crypto::merkle_leaf(base::as_bytes(kLeaves[i])));
    }
    const auto paths = tiles_to_write(size - 1, size);
    ASSERT_EQ(paths.size(), 2u);
    EXPECT_EQ(bundle, read(kTessera / format_tile_path(paths[0])));
    EXPECT_EQ(hashes, read(kTessera / format_tile_path(paths[1])));
    EXPECT_EQ(parse_bundle(bundle, size).value().back(), kLeaves[size - 1]);
    EXPECT_FALSE(parse_bundle(bundle, size + 1));
    EXPECT_FALSE(parse_bundle(bundle + "x", size));
  }
}

TEST(Tiles, HaveOnePathEach) {
  const std::pair<TilePath, std::string_view> cases[] = {
      {{false, 0, 0, 256}, "tile/0/000"},
      {{false, 0, 1234067, 256}, "tile/0/x001/x234/067"},
      {{false, 1, 0, 17}, "tile/1/000.p/17"},
      {{true, 0, 273, 112}, "tile/entries/273.p/112"},
      {{false, 63, 999, 1}, "tile/63/999.p/1"},
      {{false, 2, 1000, 256}, "tile/2/x001/000"},
      {{true, 0, 999999, 256}, "tile/entries/x999/999"}};
  for (const auto& [path, text] : cases) {
    EXPECT_EQ(format_tile_path(path), text);
    EXPECT_EQ(parse_tile_path(text).value(), path);
  }
  for (const std::string_view bad :
       {"tile/64/000", "tile/00/000", "tile/0/00", "tile/0/0000", "tile/0/000.p/256",
        "tile/0/000.p/0", "tile/0/000.p/05", "tile/0/x001/0002", "tile/0/x000/001", "tile/0/1234",
        "tile/0/x001", "tile/-1/000", "tile/0/000.p/", "tile/entry/000", "entries/000", "tile/0/",
        "tile/0/x001/x23/067", "tile/0/000/"})
    EXPECT_FALSE(parse_tile_path(bad)) << bad;
}

// GOVERNANCE section 6, row 17: one answer for everything that has one spelling and is spelt
// otherwise.
TEST(Attack17, IsAnsweredWithMalformed) {
  const std::string root = base::base64(crypto::merkle_empty_root()), good(kPeterNote);
  const auto reason = [](const auto& result) { return result ? "" : result.error().reason; };
  for (const std::string& note :
       {"text\x01\n" + good, "text\r\n" + good, std::string("text\n\n— name x08goZJkuA\n"),
        std::string("text\n\n— na+me x08go/ZJkuA=\n")})
    EXPECT_EQ(reason(parse_note(note)), "MALFORMED") << note;
  EXPECT_EQ(reason(parse_checkpoint("log\n007\n" + root + "\n")), "MALFORMED");
  EXPECT_EQ(reason(parse_vkey("na+me+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx")),
            "MALFORMED");
  for (const char* path : {"tile/0/000.p/256", "tile/0/x001/0002", "tile/64/000"})
    EXPECT_EQ(reason(parse_tile_path(path)), "MALFORMED") << path;
  std::string bundle;
  ASSERT_TRUE(append_entry(&bundle, "entry"));
  EXPECT_EQ(reason(parse_bundle(bundle + '\0', 1)), "MALFORMED");
}

// The example of the specification: 70,000 entries.
TEST(Tiles, OfSeventyThousandEntries) {
  size_t full[3] = {}, partial_width[3] = {};
  for (const TilePath& path : tiles_to_write(0, 70'000)) {
    if (path.is_entries) continue;
    ASSERT_LT(path.level, 3u);
    if (path.width == kTileWidth)
      ++full[path.level];
    else
      partial_width[path.level] = path.width;
  }
  EXPECT_EQ(full[0], 273u);
  EXPECT_EQ(partial_width[0], 112u);
  EXPECT_EQ(full[1], 1u);
  EXPECT_EQ(partial_width[1], 17u);
  EXPECT_EQ(full[2], 0u);
  EXPECT_EQ(partial_width[2], 1u);
  std::string bundle;
  EXPECT_FALSE(append_entry(&bundle, std::string(65'536, 'x')));
}

TEST(Dsse, EncodesAndSignsAsPublished) {
  EXPECT_EQ(pre_authentication_encoding("http://example.com/HelloWorld", "hello world"),
            "DSSEv1 29 http://example.com/HelloWorld 11 hello world");
  const auto key = parse_signer_key(kLogKey).value();
  const Envelope envelope =
      make_envelope("http://example.com/HelloWorld", "hello world", {&key, 1});
  EXPECT_EQ(
      base::base64(base::as_bytes(envelope.signatures[0].bytes)),
      "ajN9dlfKWDEZzS5bx/9oykJgvjO65kGEraC2EzFIjpLvg81UN8yQpWWxJKGjlR0G8S1f61By9GYw6wHmTFy8AA==");
  const crypto::PublicKey keys[] = {crypto::PrivateKey::generate().public_key(),
                                    key.key.public_key()};
  EXPECT_EQ(verify_envelope(envelope, keys).value(), std::vector<size_t>{1});
  EXPECT_EQ(verify_envelope(envelope, {keys, 1}).error().reason, "BAD_SIG");
}

// What was found ahead saves work and decides nothing: not for other keys, not for other words.
TEST(Dsse, VerifyingAheadChangesNoAnswer) {
  const SignerKey ada{"ada", crypto::PrivateKey::generate()},
      bob{"bob", crypto::PrivateKey::generate()};
  const crypto::PublicKey both[] = {bob.key.public_key(), ada.key.public_key()};
  Envelope envelope = make_envelope("type", "payload", {&ada, 1});
  verify_ahead(&envelope, both);
  ASSERT_TRUE(envelope.signatures[0].found);
  EXPECT_EQ(verify_envelope(envelope, both).value(), std::vector<size_t>{1});
  EXPECT_EQ(verify_envelope(envelope, {both, 1}).error().reason, "BAD_SIG");
  Envelope changed = envelope;
  changed.payload = "other";
  EXPECT_EQ(verify_envelope(changed, both).error().reason, "BAD_SIG");
  changed = envelope;
  changed.payload_type = "other";
  EXPECT_EQ(verify_envelope(changed, both).error().reason, "BAD_SIG");
  verify_ahead(&changed, both);
  EXPECT_EQ(verify_envelope(changed, both).error().reason, "BAD_SIG");
  EXPECT_EQ(format_envelope(envelope),
            format_envelope(make_envelope("type", "payload", {&ada, 1})));
}

TEST(Dsse, CountsAKeyOnceAndReadsBothAlphabets) {
  const SignerKey key{"ada", crypto::PrivateKey::generate()};
  const crypto::PublicKey keys[] = {key.key.public_key()};
  const std::string payload = "\xff\xfe\xfd~~~???";
  Envelope twice = make_envelope("type", payload, {&key, 1});
  twice.signatures.push_back(twice.signatures[0]);
  EXPECT_EQ(verify_envelope(twice, keys).value().size(), 1u);
  const std::string url_safe = R"({"payload":")" + base::base64url(base::as_bytes(payload)) +
                               R"(","payloadType":"type","signatures":[{"sig":")" +
                               base::base64url(base::as_bytes(twice.signatures[0].bytes)) +
                               R"("}]})";
  const auto envelope = parse_envelope(url_safe);
  ASSERT_TRUE(envelope) << envelope.error().text();
  EXPECT_EQ(envelope->payload, payload);
  EXPECT_TRUE(verify_envelope(*envelope, keys));
  for (const std::string_view bad :
       {R"({"payload":"","payloadType":"t","signatures":[]})",
        R"({"payload":"","payloadType":"t"})",
        R"({"payload":"*","payloadType":"t","signatures":[{"sig":"AA=="}]})", R"([])",
        R"({"payload":"","payloadType":"t","signatures":[{"sig":"AA=="}],"extra":1})"})
    EXPECT_FALSE(parse_envelope(bad)) << bad;
}

}  // namespace
}  // namespace govern
