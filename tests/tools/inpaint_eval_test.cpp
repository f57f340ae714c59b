// The program itself: what it prints, its exit codes, what it leaves.
#include <algorithm>

#include "tests/harness/error_message.h"
#include "tests/tools/run_program.h"

using namespace inpaint;

namespace {

ProgramRun run(const TemporaryFolder& folder, const std::string& arguments) {
  return run_program(INPAINT_EVAL, folder, arguments);
}

}  // namespace

TEST_CASE("inpaint_eval: a table on standard output, files where they are asked for") {
  const TemporaryFolder folder;
  put_file(folder / "a.bin", std::string(3 * 16 * 16, 'x'));
  const ProgramRun scored = run(folder, "--data a.bin --image-size 16 --out made/here --block=center");
  CHECK(scored.err == "");
  CHECK(scored.exit_code == 0);
  CHECK(contains(scored.out, "3 pictures of 16 x 16, 1 channel, from a.bin\nholes of 8 x 8, center\n"));
  CHECK(contains(scored.out, "written to made/here: scores.json"));
  CHECK(std::filesystem::exists(folder / "made/here/scores.csv"));

  const ProgramRun boxes = run(folder, "--data a.bin --image-size 16 --holes box --save_holes made/holes");
  CHECK(boxes.exit_code == 0);
  CHECK(contains(boxes.out, "\nholes: box, 10 to 40 % of the picture (seed 1)\n"));
  const ProgramRun again = run(folder, "--data a.bin --image-size 16 --holes_file made/holes");
  CHECK(again.exit_code == 0);
  CHECK(contains(again.out, "\nholes from made/holes\n"));
  CHECK(boxes.out.substr(boxes.out.find("\nHole")) == again.out.substr(again.out.find("\nHole")));

  const ProgramRun printed = run(folder, "--data a.bin --image-size 16");
  CHECK(printed.exit_code == 0);
  CHECK_FALSE(contains(printed.out, "written to"));
  CHECK(folder.names() == std::set<std::string>{"a.bin", "made"});
}

TEST_CASE("inpaint_eval: the user's mistakes end with exit code 1 and one line") {
  const TemporaryFolder folder;
  put_file(folder / "a.bin", std::string(1000, 'x'));
  put_file(folder / "empty.bin", "");
  put_file(folder / "model.safetensors", "not a checkpoint");
  for (const char* arguments :
       {"", "--data none.bin", "--data empty.bin", "--data a.bin --image_size 16",
        "--data a.bin --block=left", "--data a.bin --seed=nan", "--data a.bin --checkpoint none",
        "--data a.bin --checkpoint .", "--data a.bin --checkpoint model.safetensors",
        "--data a.bin --image_size=10 --out a.bin/out", "--data a.bin --image_size=5", "--dta a.bin",
        "--data a.bin --image_size=10 --holes files --masks none",
        "--data a.bin --image_size=10 --holes_file none"}) {
    INFO(arguments);
    const ProgramRun refused = run(folder, arguments);
    CHECK(refused.exit_code == 1);
    CHECK(refused.out == "");
    CHECK(refused.err.starts_with("error: "));
    CHECK(std::count(refused.err.begin(), refused.err.end(), '\n') == 1);
  }
}
