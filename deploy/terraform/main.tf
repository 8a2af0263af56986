# A host whose containers each have an IAM role of their own (taskrole): README.md.

terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

data "aws_partition" "current" {}

module "policies" {
  source = "./policies"

  partition        = data.aws_partition.current.partition
  dns_suffix       = data.aws_partition.current.dns_suffix
  container_path   = var.container_path
  host_role_arn    = aws_iam_role.host.arn
  default_role_arn = aws_iam_role.default.arn
  external_id      = var.external_id
  release_url      = var.release_url
  release_sha256   = var.release_sha256
}

resource "aws_iam_role" "host" {
  name_prefix        = "taskrole-host-"
  description        = "The host's own role. No container has it."
  assume_role_policy = module.policies.host_trust_policy
}

resource "aws_iam_role_policy" "host" {
  name   = "taskrole"
  role   = aws_iam_role.host.id
  policy = module.policies.permission_policy
}

resource "aws_iam_instance_profile" "host" {
  name_prefix = "taskrole-host-"
  role        = aws_iam_role.host.name
}

resource "aws_iam_role" "default" {
  name               = var.default_role_name
  path               = var.container_path
  description        = "Of containers that name no role."
  assume_role_policy = module.policies.default_trust_policy
}

resource "aws_iam_role" "container" {
  name               = var.container_role_name
  path               = var.container_path
  description        = "Of containers that name it by their label taskrole.role."
  assume_role_policy = module.policies.container_trust_policy
}

resource "aws_launch_template" "host" {
  name_prefix            = "taskrole-host-"
  image_id               = var.image_id
  instance_type          = var.instance_type
  update_default_version = true
  user_data              = base64encode(module.policies.user_data)

  iam_instance_profile {
    arn = aws_iam_instance_profile.host.arn
  }

  # A wall behind the wall: the real metadata service answers no container, whatever happens to the packet rules.
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }
}
