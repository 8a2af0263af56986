import aws.sdk.kotlin.runtime.auth.credentials.DefaultChainCredentialsProvider
import aws.sdk.kotlin.services.sts.StsClient
import aws.sdk.kotlin.services.sts.getCallerIdentity
import kotlinx.coroutines.runBlocking
import program.Program

/** The AWS SDK for Kotlin and its default chain. */
fun main(arguments: Array<String>) = Program.main(arguments, StsClient::class.java) { runBlocking { resolve() } }

private suspend fun resolve(): Map<String, Any> {
    val chain = DefaultChainCredentialsProvider()
    try {
        val sts = StsClient.fromEnvironment { credentialsProvider = chain }
        return sts.use { Program.identity(chain.resolve().accessKeyId, it.getCallerIdentity().arn) }
    } finally {
        chain.close()
    }
}
