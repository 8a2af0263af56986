variable "container_path" {
  description = "The IAM path of the roles that containers may have. Begins and ends with a slash."
  type        = string
  default     = "/containers/"

  validation {
    condition     = can(regex("^/([A-Za-z0-9_+=,.@-]+/)+$", var.container_path))
    error_message = "container_path must begin and end with a slash, with a name between, like /containers/."
  }
}

variable "default_role_name" {
  description = "The name of the role of containers that name none, unique in the account. It has no permissions until you attach some."
  type        = string
  default     = "taskrole-default"
}

variable "container_role_name" {
  description = "The name of a first container role, unique in the account. It has no permissions until you attach some."
  type        = string
  default     = "taskrole-web"
}

variable "external_id" {
  description = "What a container must say (label taskrole.external-id) to have the container role. Empty: nothing."
  type        = string
  default     = ""

  validation {
    condition = (
      can(regex("^[A-Za-z0-9_+=,.@:/-]*$", var.external_id))
      && length(var.external_id) != 1
      && length(var.external_id) <= 1224
    )
    error_message = "external_id must be 2 to 1224 letters, digits and _+=,.@:/-, or empty."
  }
}

variable "release_url" {
  description = "Where the instance downloads the program from, for its architecture."
  type        = string

  validation {
    condition     = can(regex("^https://[!#%&()*+,./0-9:;=?@A-Z\\[\\]_a-z~-]+$", var.release_url))
    error_message = "release_url must be an https URL."
  }
}

variable "release_sha256" {
  description = "The SHA-256 of that file, from the release's SHA256SUMS."
  type        = string

  validation {
    condition     = can(regex("^[0-9a-f]{64}$", var.release_sha256))
    error_message = "release_sha256 must be 64 hexadecimal digits."
  }
}

variable "image_id" {
  description = "The machine image: Amazon Linux 2023, Debian or Ubuntu, of the program's architecture."
  type        = string
}

variable "instance_type" {
  description = "Of the launch template; run-instances may say another."
  type        = string
  default     = "t3.small"
}
