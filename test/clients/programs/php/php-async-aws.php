<?php

// AsyncAws and its default chain; this version knows no AWS_ENDPOINT_URL_STS: it is told.

declare(strict_types=1);

require_once 'AsyncAws/Core/autoload.php';

use AsyncAws\Core\Configuration;
use AsyncAws\Core\Credentials\CacheProvider;
use AsyncAws\Core\Credentials\ChainProvider;
use AsyncAws\Core\Sts\StsClient;

function resolve(): array
{
    $configuration = Configuration::create(['endpoint' => getenv('AWS_ENDPOINT_URL_STS')]);
    $chain = new CacheProvider(ChainProvider::createDefaultChain());
    $credentials = $chain->getCredentials($configuration);
    if (null === $credentials) {
        throw new RuntimeException('the default chain found no credentials');
    }
    $caller = (new StsClient($configuration, $chain))->getCallerIdentity();

    return ['accessKeyId' => $credentials->getAccessKeyId(), 'arn' => $caller->getArn()];
}

if ('--version' === ($argv[1] ?? null)) {
    // The library does not know its own version: the package does.
    passthru("dpkg-query --showformat='\${Version}\\n' --show php-async-aws-core");
    exit;
}
while (false !== fgets(STDIN)) {
    try {
        $answer = resolve();
    } catch (Throwable $error) {
        $answer = ['error' => $error::class.': '.$error->getMessage()];
    }
    echo json_encode($answer, JSON_UNESCAPED_SLASHES | JSON_INVALID_UTF8_SUBSTITUTE), "\n";
}
