# What the host and its roles are told, as text: no provider is needed to see it.

terraform {
  required_version = ">= 1.5"
}

locals {
  container_roles = "arn:${var.partition}:iam::*:role${var.container_path}*"
  session_actions = ["sts:TagSession", "sts:SetSourceIdentity"]
}

output "permission_policy" {
  description = "Of the host's role: it may assume the roles below the path, and no others."
  value = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = concat(["sts:AssumeRole"], local.session_actions)
        Resource = local.container_roles
      },
      # A role of this account that trusts the host's by name would need no permission: docs/aws.md.
      {
        Effect      = "Deny"
        Action      = "sts:AssumeRole"
        NotResource = local.container_roles
      },
    ]
  })
}

output "host_trust_policy" {
  description = "Of the host's role: EC2 may assume it."
  value = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ec2.${var.dns_suffix}" }
      Action    = "sts:AssumeRole"
    }]
  })
}

output "default_trust_policy" {
  description = "Of the default role: the host may assume it."
  value = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = var.host_role_arn }
      Action    = concat(["sts:AssumeRole"], local.session_actions)
    }]
  })
}

output "container_trust_policy" {
  description = "Of a container role: the host may assume it, with the external id where there is one."
  value = jsonencode({
    Version = "2012-10-17"
    Statement = [
      merge(
        {
          Effect    = "Allow"
          Principal = { AWS = var.host_role_arn }
          Action    = "sts:AssumeRole"
        },
        var.external_id == "" ? {} : { Condition = { StringEquals = { "sts:ExternalId" = var.external_id } } },
      ),
      {
        Effect    = "Allow"
        Principal = { AWS = var.host_role_arn }
        Action    = local.session_actions
      },
    ]
  })
}

output "user_data" {
  description = "What the instance runs at its first boot."
  value = templatefile("${path.module}/user-data.sh.tftpl", {
    release_url      = var.release_url
    release_sha256   = var.release_sha256
    default_role_arn = var.default_role_arn
  })
}
