import java.util.LinkedHashMap;
import java.util.Map;
import program.Program;
import software.amazon.awssdk.imds.Ec2MetadataClient;

/** The instance metadata client of the AWS SDK for Java 2. */
final class Main {
    public static void main(String[] arguments) throws Exception {
        Program.main(arguments, Ec2MetadataClient.class, Main::resolve);
    }

    private static Map<String, Object> resolve() {
        try (Ec2MetadataClient client = Ec2MetadataClient.create()) {
            Map<String, String> metadata = new LinkedHashMap<>();
            for (String path : new String[] {"/latest/meta-data/iam/info", "/latest/dynamic/instance-identity/document"}) {
                metadata.put(path, client.get(path).asString());
            }
            return Map.of("metadata", metadata);
        }
    }
}
