// The house of a running server beside programs that write to the same log.
#include "journal/shared_house.h"

#include <gtest/gtest.h>

#include "journal/drafts.h"

namespace journal {
namespace {

const base::Time kNow = base::parse_rfc3339("2026-11-21T12:00:00Z").value();

class SharedHouseTest : public testing::Test {
 protected:
  SharedHouseTest()
      : folder_(files::TemporaryDirectory::create().value()),
        data_(files::join(folder_.path(), "data")) {
    EXPECT_TRUE(init_house(data_, {}, kNow));
  }
  House::Draft stop(const House& house) const {
    const auto key = house.load_key("p.owner", "");
    return {govern::Kind::Stop,
            govern::make_envelope(govern::payload_type(govern::Kind::Stop),
                                  stop_payload(house, "*", "p.owner", "a test", kNow), {&*key, 1})};
  }
  crypto::Digest state_from_the_start() const {
    return govern::state_hash(House::open_to_read(data_)->state());
  }

  files::TemporaryDirectory folder_;
  std::string data_;
};

TEST_F(SharedHouseTest, SeesWhatOthersAppend) {
  SharedHouse shared(data_);
  const auto before = shared.read();
  ASSERT_TRUE(before) << before.error().text();
  EXPECT_EQ(shared.read()->get(), before->get());  // nothing is read twice
  {
    auto other = House::open(data_);
    ASSERT_TRUE(other->append({stop(*other)}, kNow));
  }
  const auto after = shared.read();
  EXPECT_EQ((*before)->log().size(), 1u);  // whoever still reads is not disturbed
  EXPECT_EQ((*after)->log().size(), 2u);
  EXPECT_EQ(govern::state_hash((*after)->state()), state_from_the_start());
}

TEST_F(SharedHouseTest, AppendsAndGivesTheLockBack) {
  SharedHouse shared(data_);
  const auto logged = shared.append({stop(**shared.read())}, kNow);
  ASSERT_TRUE(logged) << logged.error().text();
  EXPECT_EQ(logged->front().leaf, 1u);
  EXPECT_TRUE(House::open(data_, nullptr, {}));
  EXPECT_EQ(govern::state_hash((*shared.read())->state()), state_from_the_start());
}

TEST_F(SharedHouseTest, ARefusalChangesNothing) {
  SharedHouse shared(data_);
  const House::Draft once = stop(**shared.read());
  ASSERT_TRUE(shared.append({once}, kNow));
  const auto twice = shared.append({once}, kNow);
  ASSERT_FALSE(twice);
  EXPECT_EQ((*shared.read())->log().size(), 2u);
}

TEST_F(SharedHouseTest, AnotherLogInItsPlaceIsJudgedFromItsStart) {
  SharedHouse shared(data_);
  ASSERT_TRUE(shared.read());
  ASSERT_TRUE(files::rename(data_, files::join(folder_.path(), "old")));
  ASSERT_TRUE(init_house(data_, {}, kNow));
  const auto now = shared.read();
  ASSERT_TRUE(now) << now.error().text();
  EXPECT_EQ(govern::state_hash((*now)->state()), state_from_the_start());
}

}  // namespace
}  // namespace journal
