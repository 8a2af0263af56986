import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { bench, bindingAt, eventually, isRefusal } from "./bench.ts";
import { eventLine, type FakeEngine } from "./fake-engine.ts";
import { FakeKernel } from "./fake-kernel.ts";

const refuseEvents = (engine: FakeEngine): void => {
  engine.fault = (call) => (call.startsWith("GET /events") ? [500, "{}"] : undefined);
  engine.cutStreams();
};

/** Container "a" bound at 172.17.0.2, and the stream of events lost since. */
async function deaf(t: TestContext, options: Parameters<typeof bench>[1] = {}) {
  const made = await bench(t, options);
  const a = made.engine.run({ network: made.bridge, ip: "172.17.0.2/16", name: "a" });
  const binding = await bindingAt(made.workloads, "172.17.0.2");
  refuseEvents(made.engine);
  await eventually(() => assert.equal(made.log.at(-1), "down"));
  const hearAgain = async () => {
    made.engine.fault = undefined;
    await made.waitForStream();
  };
  return { ...made, a, binding, hearAgain };
}

test("a daemon that starts before Docker refuses until Docker is there, then serves", async (t) => {
  const { engine, workloads, bridge, log, nameAt, waitForStream } = await bench(t, { isStarted: false });
  await engine.close();
  await workloads.start();
  assert.deepEqual(log, ["down"]);
  await assert.rejects(workloads.resolve({ address: "172.17.0.2" }), isRefusal("identity-unavailable"));
  engine.run({ network: bridge, ip: "172.17.0.2/16", name: "web" });
  await engine.listen();
  await waitForStream();
  assert.equal(await nameAt("172.17.0.2"), "web");
});

test("with the events lost every request asks Docker, and the old binding ends when Docker says so", async (t) => {
  const { engine, workloads, bridge, a, binding, nameAt } = await deaf(t);
  assert.equal(await workloads.resolve({ address: "172.17.0.2" }), binding);
  const calls = engine.calls.length;
  assert.equal(await workloads.resolve({ address: "172.17.0.2" }), binding);
  assert.ok(engine.countOf(/^GET \/networks\//) >= 2 && engine.calls.length > calls);
  engine.remove(a.Id);
  engine.run({ network: bridge, ip: "172.17.0.2/16", name: "b" });
  assert.equal(await nameAt("172.17.0.2"), "b");
  assert.equal(binding.isCurrent(), false);
});

test("with the events lost a network of which nothing was heard counts at once", async (t) => {
  const { engine, workloads, bridge } = await deaf(t);
  const odd = engine.addNetwork({ name: "odd", driver: "plugin", subnets: ["172.17.3.0/24"] });
  engine.run({ network: odd, ip: "172.17.3.2/24", name: "one" });
  engine.run({ network: bridge, ip: "172.17.3.2/16", name: "two" });
  await assert.rejects(workloads.resolve({ address: "172.17.3.2" }), isRefusal("contested-peer"));
});

test("with the events lost a restarted container is another workload, at the same address too", async (t) => {
  const { engine, workloads, a, binding } = await deaf(t);
  engine.restart(a.Id);
  assert.equal((await bindingAt(workloads, "172.17.0.2")).workload.startedAt, a.StartedAt);
  assert.equal(binding.isCurrent(), false);
});

test("with Docker gone a known binding is served while its process provably lives, and no longer", async (t) => {
  const { engine, workloads, a, binding, processes } = await deaf(t);
  await engine.close();
  assert.equal(await workloads.resolve({ address: "172.17.0.2" }), binding);
  await assert.rejects(workloads.resolve({ address: "172.17.0.3" }), isRefusal("identity-unavailable"));
  processes.dead.add(a.Pid);
  await assert.rejects(workloads.resolve({ address: "172.17.0.2" }), isRefusal("identity-unavailable"));
});

test("with Docker gone a binding whose process cannot be watched is refused", async (t) => {
  const { engine, workloads, processes, bridge, log } = await bench(t);
  const { Pid } = engine.run({ network: bridge, ip: "172.17.0.2/16" });
  processes.unwatchable.add(Pid);
  await bindingAt(workloads, "172.17.0.2");
  await engine.close();
  await eventually(() => assert.equal(log.at(-1), "down"));
  await assert.rejects(workloads.resolve({ address: "172.17.0.2" }), isRefusal("identity-unavailable"));
});

test("the refusal says what is wrong with Docker and what to do", async (t) => {
  const { engine, workloads } = await bench(t);
  await engine.close();
  await assert.rejects(
    workloads.resolve({ address: "172.17.0.2" }),
    (error: Error & { failure?: { reason?: string } }) => {
      assert.match(error.failure?.reason ?? "", /no socket at unix:\/\/.*: start Docker, or set dockerEndpoint/);
      return true;
    },
  );
});

test("a Docker that hangs, its events lost, does not keep a workload waiting whose process lives", async (t) => {
  const { engine, workloads, binding } = await deaf(t, { outagePatienceMs: 200 });
  engine.fault = () => "hang";
  assert.equal(await workloads.resolve({ address: "172.17.0.2" }), binding);
});

test("a Docker that hangs is a refusal for whoever is not known", async (t) => {
  const { engine, workloads } = await deaf(t, { callTimeoutMs: 100 });
  engine.fault = () => "hang";
  await assert.rejects(workloads.resolve({ address: "172.17.0.9" }), isRefusal("identity-unavailable"));
});

test("garbage for an answer is a refusal, never a guess", async (t) => {
  const { engine, workloads, heard } = await bench(t);
  for (const body of ["", "nonsense", '[{"Id": 1}]', '{"Containers": 7}', "null"]) {
    engine.fault = (call) => (call.startsWith("GET /networks") ? [200, body] : undefined);
    await assert.rejects(workloads.resolve({ address: "172.17.0.2" }), isRefusal("identity-unavailable"), body);
    engine.fault = undefined;
    engine.sendNetwork("create", "x");
    await heard();
  }
});

test("when the events are back the bindings that still hold are kept, and served from memory again", async (t) => {
  const { engine, workloads, binding, hearAgain, log } = await deaf(t);
  await hearAgain();
  await eventually(() => assert.ok(engine.countOf(/^GET \/containers/) >= 2));
  assert.equal(await workloads.resolve({ address: "172.17.0.2" }), binding);
  assert.deepEqual(log, ["up", "bound a 172.17.0.2", "down", "up"]);
  const calls = engine.calls.length;
  assert.equal(await workloads.resolve({ address: "172.17.0.2" }), binding);
  assert.equal(engine.calls.length, calls);
});

test("when the events are back a binding whose address went to another is evicted without being asked for", async (t) => {
  const { engine, bridge, a, binding, hearAgain, log } = await deaf(t);
  engine.remove(a.Id);
  engine.run({ network: bridge, ip: "172.17.0.2/16", name: "b" });
  await hearAgain();
  await eventually(() => assert.equal(binding.isCurrent(), false));
  assert.equal(log.at(-1), "evicted a 172.17.0.2: the Engine no longer gives it the address");
});

test("when the events are back a binding of a former life of its container is evicted", async (t) => {
  const { engine, a, binding, hearAgain, log } = await deaf(t);
  engine.restart(a.Id);
  await hearAgain();
  await eventually(() => assert.equal(binding.isCurrent(), false));
  assert.equal(log.at(-1), "evicted a 172.17.0.2: the container ended");
});

test("when the events are back a container that was connected again, at the address it had, is bound anew without being asked for", async (t) => {
  const kernel = new FakeKernel();
  const { engine, bridge, a, binding, workloads, hearAgain, log } = await deaf(t, { enforce: kernel.enforce });
  engine.disconnect(bridge, a.Id);
  engine.connect(bridge, a.Id, { IPv4Address: "172.17.0.2/16", MacAddress: "02:42:ac:11:00:99" });
  kernel.replaceLinks();
  await hearAgain();
  await eventually(() => assert.equal(kernel.asked.length, 2));
  assert.equal(kernel.asked.at(-1)?.macAddress, "02:42:ac:11:00:99");
  assert.equal(binding.isCurrent(), false);
  await eventually(() => assert.equal(log.at(-1), "bound a 172.17.0.2"));
  assert.equal(log.at(-2), "evicted a 172.17.0.2: its link is gone");
  const calls = engine.calls.length;
  assert.ok(await bindingAt(workloads, "172.17.0.2"));
  assert.equal(engine.calls.length, calls, "it is served from memory");
});

test("when the events are back what had its link meanwhile is not bound anew", async (t) => {
  const kernel = new FakeKernel();
  const { engine, binding, hearAgain } = await deaf(t, { enforce: kernel.enforce });
  await hearAgain();
  await eventually(() => assert.ok(engine.countOf(/^GET \/containers/) >= 2));
  assert.deepEqual([binding.isCurrent(), kernel.asked.length, kernel.released], [true, 1, 0]);
});

test("an end that the Engine repeats, from the moment of the subscription, is an end", async (t) => {
  const { engine, a, binding, hearAgain, log } = await deaf(t);
  engine.gate(/^GET \/networks/);
  engine.replay = [eventLine({ Type: "container", Action: "die", Actor: { ID: a.Id, Attributes: {} } }, engine.now())];
  await hearAgain();
  await eventually(() => assert.equal(binding.isCurrent(), false));
  assert.equal(log.at(-1), "evicted a 172.17.0.2: the container ended");
});

test("until it is confirmed, a binding from before is not served from memory", async (t) => {
  const { engine, workloads, bridge, a, hearAgain } = await deaf(t);
  engine.remove(a.Id);
  engine.run({ network: bridge, ip: "172.17.0.2/16", name: "b" });
  const gate = engine.gate(/^GET \/networks\//, "when opened");
  await hearAgain();
  const asked = bindingAt(workloads, "172.17.0.2");
  await eventually(() => assert.ok(gate.reached >= 1));
  gate.open();
  assert.equal((await asked).workload.name, "b");
});

test("a restarted dockerd has a new default bridge and gives a container another's former address", async (t) => {
  const { engine, bridge, a, binding, hearAgain, nameAt } = await deaf(t);
  await engine.close();
  engine.networks.delete(bridge);
  const anew = engine.addNetwork({ name: "bridge", subnets: ["172.17.0.0/16"] });
  engine.restart(a.Id);
  engine.connect(anew, a.Id, { IPv4Address: "172.17.0.3/16" });
  engine.run({ network: anew, ip: "172.17.0.2/16", name: "b" });
  await engine.listen();
  await hearAgain();
  await eventually(() => assert.equal(binding.isCurrent(), false));
  assert.deepEqual([await nameAt("172.17.0.2"), await nameAt("172.17.0.3")], ["b", "a"]);
});

test("after a restart with live-restore, which sends no event for what it restored, nothing is cut off", async (t) => {
  const { engine, workloads, binding, hearAgain, log } = await deaf(t);
  await engine.close();
  assert.equal(await workloads.resolve({ address: "172.17.0.2" }), binding, "meanwhile its process proves it");
  await engine.listen();
  await hearAgain();
  assert.equal(await workloads.resolve({ address: "172.17.0.2" }), binding);
  assert.equal(log.filter((line) => /^(bound|evicted)/.test(line)).length, 1);
});

test("a lookup begun while the events were lost is confirmed once more before it is served from memory", async (t) => {
  const { engine, workloads, bridge, hearAgain } = await deaf(t);
  engine.run({ network: bridge, ip: "172.17.0.7/16", name: "late" });
  const gate = engine.gate(/^GET \/containers/);
  const asked = bindingAt(workloads, "172.17.0.7");
  await eventually(() => assert.equal(gate.reached, 1));
  await hearAgain();
  gate.open();
  const binding = await asked;
  const calls = engine.calls.length;
  assert.equal(await workloads.resolve({ address: "172.17.0.7" }), binding);
  assert.ok(engine.calls.length > calls, "events may have been missed while it was looked up");
  const confirmed = engine.calls.length;
  assert.equal(await workloads.resolve({ address: "172.17.0.7" }), binding);
  assert.equal(engine.calls.length, confirmed);
});

test("an audit that fails is made again until every binding is settled", async (t) => {
  const { engine, bridge, a, binding, hearAgain, log } = await deaf(t);
  engine.remove(a.Id);
  const failing = `GET /networks/${bridge}`;
  engine.fault = (call) => (call === failing ? [500, "{}"] : undefined);
  await eventually(() => assert.ok(log.at(-1) === "up" && engine.countOf(new RegExp(`^${failing}$`)) >= 3));
  assert.ok(binding.isCurrent());
  await hearAgain();
  await eventually(() => assert.equal(binding.isCurrent(), false));
});

test("after stop nothing is current, nothing is watched and nothing is asked", async (t) => {
  const { engine, workloads, bridge, processes, log } = await bench(t);
  engine.run({ network: bridge, ip: "172.17.0.2/16" });
  const binding = await bindingAt(workloads, "172.17.0.2");
  await workloads.stop();
  const calls = engine.calls.length;
  assert.equal(binding.isCurrent(), false);
  assert.equal(processes.open, 0);
  await eventually(() => assert.equal(engine.subscribers, 0));
  assert.equal(engine.calls.length, calls);
  assert.deepEqual(log, ["up", "bound c 172.17.0.2"]);
});
