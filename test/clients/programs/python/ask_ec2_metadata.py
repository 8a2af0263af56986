from ec2_metadata import EC2Metadata

from program import serve


def ask():
    service = EC2Metadata()
    profile = service.iam_info["InstanceProfileArn"]
    return {"metadata": {"instanceId": service.instance_id, "region": service.region, "instanceProfile": profile}}


serve("ec2-metadata", ask)
