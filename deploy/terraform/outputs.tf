output "launch_template_id" {
  description = "For aws ec2 run-instances --launch-template LaunchTemplateId=..., or an aws_autoscaling_group."
  value       = aws_launch_template.host.id
}

output "host_role_arn" {
  description = "The principal for the trust policies of further container roles, in this account and in others."
  value       = aws_iam_role.host.arn
}

output "default_role_arn" {
  description = "The role of containers that name none."
  value       = aws_iam_role.default.arn
}

output "container_role_arn" {
  description = "The first container role."
  value       = aws_iam_role.container.arn
}
