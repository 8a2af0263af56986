# taskrole on each Nomad client that runs Docker. What the clients must allow: docs/install/nomad.md
job "taskrole" {
  type     = "system"
  priority = 100

  group "taskrole" {
    restart {
      mode     = "delay"
      attempts = 10
      interval = "1m"
      delay    = "1s"
    }

    task "taskrole" {
      driver       = "docker"
      user         = "0"
      kill_timeout = "10s"

      config {
        image           = "registry.example/taskrole:0.1.0"
        network_mode    = "host"
        pid_mode        = "host"
        readonly_rootfs = true
        cap_drop        = ["all"]
        cap_add         = ["net_admin", "sys_ptrace"]
        security_opt    = ["no-new-privileges", "apparmor=unconfined"]

        ulimit {
          nofile = "65536:65536"
          core   = "0:0"
        }

        volumes = [
          "/sys/fs/cgroup:/sys/fs/cgroup:ro",
          "/var/run/docker.sock:/var/run/docker.sock:ro",
          "/run/taskrole:/run/taskrole",
          "/etc/taskrole:/etc/taskrole:ro",
        ]
      }

      resources {
        cpu    = 100
        memory = 256
      }
    }
  }
}
