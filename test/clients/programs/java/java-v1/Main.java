import com.amazonaws.auth.AWSCredentialsProvider;
import com.amazonaws.auth.DefaultAWSCredentialsProviderChain;
import com.amazonaws.client.builder.AwsClientBuilder.EndpointConfiguration;
import com.amazonaws.services.securitytoken.AWSSecurityTokenService;
import com.amazonaws.services.securitytoken.AWSSecurityTokenServiceClientBuilder;
import com.amazonaws.services.securitytoken.model.GetCallerIdentityRequest;
import java.util.Map;
import program.Program;

/** The AWS SDK for Java 1, which knows no AWS_ENDPOINT_URL_STS: it is told. */
final class Main {
    public static void main(String[] arguments) throws Exception {
        Program.main(arguments, AWSSecurityTokenService.class, Main::resolve);
    }

    private static Map<String, Object> resolve() {
        AWSCredentialsProvider chain = new DefaultAWSCredentialsProviderChain();
        // The last link of a new chain is the process's one instance profile provider, with what it found before.
        chain.refresh();
        AWSSecurityTokenService sts = AWSSecurityTokenServiceClientBuilder.standard()
                .withCredentials(chain)
                .withEndpointConfiguration(
                        new EndpointConfiguration(System.getenv("AWS_ENDPOINT_URL_STS"), System.getenv("AWS_REGION")))
                .build();
        try {
            String accessKeyId = chain.getCredentials().getAWSAccessKeyId();
            return Program.identity(accessKeyId, sts.getCallerIdentity(new GetCallerIdentityRequest()).getArn());
        } finally {
            sts.shutdown();
        }
    }
}
