import asyncio

from aiobotocore.session import get_session

from program import REGION, STS_URL, serve


async def identity():
    session = get_session()
    credentials = await session.get_credentials()
    if credentials is None:
        return {"error": "no credentials"}
    async with session.create_client("sts", region_name=REGION, endpoint_url=STS_URL) as sts:
        arn = (await sts.get_caller_identity())["Arn"]
    return {"accessKeyId": (await credentials.get_frozen_credentials()).access_key, "arn": arn}


serve("aiobotocore", lambda: asyncio.run(identity()))
