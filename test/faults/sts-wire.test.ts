import { WIRE_FAULTS } from "./faults.ts";
import { testStsFaults } from "./support/sts-faults.ts";

testStsFaults(WIRE_FAULTS);
