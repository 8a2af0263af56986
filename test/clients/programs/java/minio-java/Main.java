import io.minio.MinioClient;
import io.minio.credentials.IamAwsProvider;
import java.util.Map;
import program.Program;

/** MinIO's Java client with its IAM provider, as a server takes it. There is no STS GetCallerIdentity in it: it lists buckets. */
final class Main {
    public static void main(String[] arguments) throws Exception {
        Program.main(arguments, MinioClient.class, Main::resolve);
    }

    private static Map<String, Object> resolve() throws Exception {
        IamAwsProvider provider = new IamAwsProvider(null, null);
        try (MinioClient client = MinioClient.builder()
                .endpoint(System.getenv("AWS_ENDPOINT_URL_S3"))
                .region(System.getenv("AWS_REGION"))
                .credentialsProvider(provider)
                .build()) {
            client.listBuckets();
            return Program.identity(provider.fetch().accessKey(), null);
        }
    }
}
