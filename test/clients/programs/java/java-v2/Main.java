import java.util.Map;
import program.Program;
import software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider;
import software.amazon.awssdk.services.sts.StsClient;

/** The AWS SDK for Java 2 and its default chain. */
final class Main {
    public static void main(String[] arguments) throws Exception {
        Program.main(arguments, StsClient.class, Main::resolve);
    }

    private static Map<String, Object> resolve() {
        try (DefaultCredentialsProvider chain = DefaultCredentialsProvider.builder().build();
                StsClient sts = StsClient.builder().credentialsProvider(chain).build()) {
            return Program.identity(chain.resolveCredentials().accessKeyId(), sts.getCallerIdentity().arn());
        }
    }
}
