import { ANSWER_FAULTS } from "./faults.ts";
import { testStsFaults } from "./support/sts-faults.ts";

testStsFaults(ANSWER_FAULTS);
