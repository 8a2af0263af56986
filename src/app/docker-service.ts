import type { Log } from "../audit/log.ts";
import type { Binding, WorkloadResolver } from "../broker/workload-resolver.ts";
import { DockerWorkloads } from "../docker/docker-workloads.ts";
import { EngineClient } from "../docker/engine-client.ts";
import { watchProcess } from "../kernel/process-watch.ts";
import { sleep } from "../kit/sleep.ts";
import type { Config } from "./options.ts";
import type { Service } from "./services.ts";

/** Told when an address begins and ends to belong to a workload. */
export interface BindingListener {
  began(binding: Binding): void;
  ended(binding: Binding): void;
}

export interface DockerPart {
  readonly resolver: WorkloadResolver;
  readonly service: Service;
  onBinding(listener: BindingListener): void;
}
