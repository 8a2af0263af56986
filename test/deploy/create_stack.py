"""Makes a stack of a template in moto and prints what came of it, as JSON. Arguments: the template, and PARAMETER=VALUE..."""

import ast
import base64
import json
import sys

import boto3
from moto import mock_aws

NAME = "taskrole"


def role_of(iam, role):
    names = iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]
    policies = [iam.get_role_policy(RoleName=role["RoleName"], PolicyName=name)["PolicyDocument"] for name in names]
    # moto keeps an inline policy as Python writes it.
    policies = [policy if isinstance(policy, dict) else ast.literal_eval(policy) for policy in policies]
    return {"arn": role["Arn"], "trust": role["AssumeRolePolicyDocument"], "policies": policies}


def launch_template(ec2):
    [template] = ec2.describe_launch_templates()["LaunchTemplates"]
    [version] = ec2.describe_launch_template_versions(LaunchTemplateId=template["LaunchTemplateId"])["LaunchTemplateVersions"]
    data = version["LaunchTemplateData"]
    return {**data, "UserData": base64.b64decode(data["UserData"]).decode()}


@mock_aws
def main(template, *parameters):
    given = [dict(zip(("ParameterKey", "ParameterValue"), each.split("=", 1))) for each in parameters]
    cloudformation, iam, ec2 = (boto3.client(service) for service in ("cloudformation", "iam", "ec2"))
    with open(template, encoding="utf-8") as file:
        body = file.read()
    cloudformation.create_stack(
        StackName=NAME, TemplateBody=body, Parameters=given, Capabilities=["CAPABILITY_NAMED_IAM"]
    )
    [stack] = cloudformation.describe_stacks(StackName=NAME)["Stacks"]
    profiles = {profile["Arn"]: [role["Arn"] for role in profile["Roles"]] for profile in iam.list_instance_profiles()["InstanceProfiles"]}
    made = {
        "status": stack["StackStatus"],
        "outputs": {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]},
        "roles": [role_of(iam, role) for role in iam.list_roles()["Roles"]],
        "instanceProfiles": profiles,
        "launchTemplate": launch_template(ec2),
    }
    json.dump(made, sys.stdout)


main(*sys.argv[1:])
