import assert from "node:assert/strict";
import { it } from "node:test";
import { parseUnits } from "../../src/smoke/boot-order.ts";

/** As systemd 252 prints it: a unit that runs, and one that it does not know. */
const SHOWN = `NRestarts=2
InactiveExitTimestampMonotonic=3912034
ActiveEnterTimestampMonotonic=4218871
Id=taskrole.service
Before=docker.service shutdown.target multi-user.target
LoadState=loaded
UnitFileState=enabled

InactiveExitTimestampMonotonic=0
ActiveEnterTimestampMonotonic=0
Id=taskrole-hold.service
LoadState=not-found
`;

it("reads what systemctl show prints, of units that are not there as well", () => {
  assert.deepEqual(parseUnits(SHOWN), [
    {
      id: "taskrole.service",
      isLoaded: true,
      fileState: "enabled",
      before: ["docker.service", "shutdown.target", "multi-user.target"],
      startedAt: 3_912_034,
      activeAt: 4_218_871,
      restarts: 2,
    },
    { id: "taskrole-hold.service", isLoaded: false, fileState: "", before: [], startedAt: 0, activeAt: 0, restarts: 0 },
  ]);
});
