#include "kernels/isa.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "kernels/ceilings.h"
#include "kernels/reference_test.h"
#include "kernels/table.h"

namespace kernels::test {
namespace {

// What KERNELS_ISA asks for where the CPU has it, else the best.
TEST(Isa, ActiveIsWhatWasAskedFor) {
  const char* wanted = std::getenv("KERNELS_ISA");
  Isa expected = supported_isas().back();
  for (const Isa isa : supported_isas()) {
    if (wanted != nullptr && isa_name(isa) == wanted) expected = isa;
  }
  EXPECT_EQ(active_isa(), expected);
  EXPECT_EQ(&table(), &table_for(expected));
  const ForceIsa force(Isa::Scalar);
  EXPECT_EQ(&table(), &table_for(Isa::Scalar));
  EXPECT_FALSE(has_bf16_products());
}

TEST(Isa, TablesDiffer) {
  const std::vector<Isa> isas = supported_isas();
  for (size_t i = 1; i < isas.size(); ++i) {
    EXPECT_NE(table_for(isas[i]).f32.block, table_for(isas[i - 1]).f32.block);
  }
}

// Runs this very program again for each value of the variable; the child checks which set it took.
TEST(Isa, EnvironmentOverrides) {
  for (const std::string_view wanted : {"scalar", "avx2", "avx512", "nonsense"}) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      setenv("KERNELS_ISA", std::string(wanted).c_str(), 1);
      execl("/proc/self/exe", "kernels_test", "--gtest_filter=Isa.ActiveIsWhatWasAskedFor",
            "--gtest_brief=1", nullptr);
      _exit(127);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << wanted;
  }
}

TEST(Ceilings, ArePositive) {
  base::ThreadPool pool(2);
  EXPECT_GT(peak_f32_flops(pool, 0.001), 1e8);
  EXPECT_EQ(peak_bf16_flops(pool, 0.001) > 0, has_bf16_products());
  EXPECT_EQ(peak_int8_ops(pool, 0.001) > 0, has_int8_products());
}

}  // namespace
}  // namespace kernels::test
