variable "partition" {
  description = "aws, aws-cn, aws-us-gov, ..."
  type        = string
}

variable "dns_suffix" {
  description = "Of the partition's service principals: amazonaws.com, amazonaws.com.cn, ..."
  type        = string
}

variable "container_path" {
  description = "The IAM path of the roles that containers may have."
  type        = string
}

variable "host_role_arn" {
  description = "The role in the host's instance profile."
  type        = string
}

variable "default_role_arn" {
  description = "The role of containers that name none."
  type        = string
}

variable "external_id" {
  description = "What a container must say to have the container role; empty: nothing."
  type        = string
}

variable "release_url" {
  description = "Where the instance downloads the program from."
  type        = string
}

variable "release_sha256" {
  description = "The SHA-256 of that file."
  type        = string
}
