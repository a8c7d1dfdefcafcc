#include "net/multipart.h"

#include <gtest/gtest.h>

namespace net {
namespace {

constexpr std::string_view kType = "multipart/form-data; boundary=XX";

std::string part(std::string_view head, std::string_view body) {
  return "--XX\r\n" + std::string(head) + "\r\n\r\n" + std::string(body) + "\r\n";
}
std::string field(std::string_view name, std::string_view value) {
  return part("Content-Disposition: form-data; name=\"" + std::string(name) + "\"", value);
}

TEST(Multipart, FieldsAndFiles) {
  const std::string bytes("\0\r\n--X\r\n--\r\n\xff", 13);
  const std::string body =
      field("purpose", "batch") + field("expires_after[anchor]", "created_at") +
      part(
          "content-disposition:form-data; filename=\"dir/a b.jsonl\" ; name=file\r\n"
          "Content-Type: text/plain; charset=utf-8\r\nX-Other: 1",
          bytes) +
      field("empty", "") + "--XX--\r\n";
  const auto parts = parse_multipart(kType, body);
  ASSERT_TRUE(parts) << parts.error().text();
  ASSERT_EQ(parts->size(), 4u);
  EXPECT_EQ((*parts)[0].body, "batch");
  EXPECT_FALSE((*parts)[0].filename);
  EXPECT_EQ(find_part(*parts, "expires_after[anchor]")->body, "created_at");
  const FormPart* file = find_part(*parts, "file");
  EXPECT_EQ(file->filename, "a b.jsonl");
  EXPECT_EQ(file->content_type, "text/plain; charset=utf-8");
  EXPECT_EQ(file->body, bytes);
  EXPECT_EQ(find_part(*parts, "empty")->body, "");
  EXPECT_EQ(find_part(*parts, "absent"), nullptr);
}

TEST(Multipart, NamesOfFiles) {
  const auto filename = [](std::string_view parameters) -> std::string {
    const auto parts = parse_multipart(
        kType,
        part("Content-Disposition: form-data; name=f; " + std::string(parameters), "") + "--XX--");
    return parts ? (*parts)[0].filename.value_or("none") : "error: " + parts.error().message;
  };
  EXPECT_EQ(filename("filename=\"a\\\"b\\\\c.txt\""), "c.txt");
  EXPECT_EQ(filename("filename=\"C:\\dir\\a.txt\""), "a.txt");
  EXPECT_EQ(filename("filename=\"../../etc/passwd\""), "passwd");
  EXPECT_EQ(filename("filename=\"你好.txt\""), "你好.txt");
  EXPECT_EQ(filename("filename=\"old\"; filename*=utf-8''%E4%BD%A0%20x"), "你 x");
  EXPECT_EQ(filename("filename*=utf-8'en'new; filename=\"old\""), "new");
  EXPECT_EQ(filename("filename=\"\""), "");
  for (const char* bad :
       {"filename=\"a", "filename=\"a\" b", "filename*=latin1''a", "filename*=UTF-8''%zz",
        "filename=\"\xff\"", "filename=\"a\tb\"", "filename=\"a\"; filename=\"b\"", "name=g"})
    EXPECT_TRUE(filename(bad).starts_with("error: ")) << bad;
}

TEST(Multipart, BoundariesOfTheType) {
  const std::string body = "--a b\r\nContent-Disposition: form-data; name=x\r\n\r\n1\r\n--a b--";
  EXPECT_TRUE(parse_multipart("Multipart/Form-Data; charset=utf-8; Boundary=\"a b\"", body));
  for (const std::string type :
       {"", "application/json", "multipart/form-data", "multipart/mixed; boundary=XX",
        "multipart/form-data; boundary=", "multipart/form-data; boundary=\"XX",
        "multipart/form-data; boundary=X\x01", "multipart/form-data; boundary=XX; boundary=YY"}) {
    const auto parts = parse_multipart(type, "--XX--");
    ASSERT_FALSE(parts) << type;
    EXPECT_EQ(parts.error().code, base::Code::InvalidArgument) << type;
  }
  EXPECT_FALSE(
      parse_multipart("multipart/form-data; boundary=" + std::string(71, 'x'), "--" + body));
}

TEST(Multipart, RefusesWhatHasTwoReadings) {
  const std::string good = field("a", "1") + "--XX--\r\n";
  ASSERT_TRUE(parse_multipart(kType, good));
  for (const std::string& body : std::vector<std::string>{
           "", "\r\n" + good, "preamble\r\n" + good, good + "epilogue",
           "--XX\n" + good.substr(6),                               // a bare line feed
           field("a", "1\r\n--XXY") + "--XX--",                     // nearly a boundary
           field("a", "1") + "--XX --",                             // padding
           part("Content-Type: text/plain", "1") + "--XX--",        // no disposition
           part("Content-Disposition: form-data", "1") + "--XX--",  // no name
           part("Content-Disposition: form-data; name=\"\"", "1") + "--XX--",
           part("Content-Disposition: attachment; name=a", "1") + "--XX--",
           part("Content-Disposition: form-data;\r\n name=a", "1") + "--XX--",  // folded
           part("Content-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b",
                "1") +
               "--XX--",
           part("Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64",
                "MQ==") +
               "--XX--"}) {
    const auto parts = parse_multipart(kType, body);
    ASSERT_FALSE(parts) << body;
    EXPECT_EQ(parts.error().code, base::Code::Malformed) << body;
  }
}

TEST(Multipart, AFormThatBreaksOffAnywhereIsRefused) {
  const std::string body =
      field("a", "1") + part("Content-Disposition: form-data; name=f; filename=g", "2") + "--XX--";
  ASSERT_TRUE(parse_multipart(kType, body));
  for (size_t length = 0; length < body.size(); ++length)
    EXPECT_FALSE(parse_multipart(kType, body.substr(0, length))) << length;
  const auto cut = parse_multipart(kType, body.substr(0, body.size() - 6));
  EXPECT_EQ(cut.error().where, "f") << cut.error().text();
}

TEST(Multipart, Limits) {
  FormLimits limits;
  limits.parts_max = 2;
  limits.field_bytes_max = 10;
  limits.part_head_bytes_max = 100;
  const auto code = [&](const std::string& body) {
    const auto parts = parse_multipart(kType, body + "--XX--", limits);
    return parts ? "" : std::string(base::code_name(parts.error().code));
  };
  EXPECT_EQ(code(field("a", "1") + field("b", "2")), "");
  EXPECT_EQ(code(field("a", "1") + field("b", "2") + field("c", "3")), "too_large");
  EXPECT_EQ(code(field("a", std::string(11, 'x'))), "too_large");
  EXPECT_EQ(code(part("Content-Disposition: form-data; name=f; filename=g", std::string(11, 'x'))),
            "");
  EXPECT_EQ(code(field(std::string(100, 'x'), "1")), "too_large");
}

}  // namespace
}  // namespace net
