# Send a file with WinSCP, for instance from the Task Scheduler:
#
#     powershell -File send-with-winscp.ps1 -File C:\export\today.csv
#
# The exit code is that of WinSCP: 0 if the file was submitted.
param(
    [Parameter(Mandatory)] [string] $File,
    [string] $Url = 'sftp://clinic@sms.example.org:8022/',
    [string] $HostKey = 'ssh-ed25519 255 the fingerprint that WinSCP shows at the first login',
    [string] $Key = 'C:\keys\clinic.ppk',
    [string] $WinScp = 'C:\Program Files (x86)\WinSCP\WinSCP.com'
)

$File = (Resolve-Path $File).Path
$Name = Split-Path $File -Leaf
& $WinScp /ini=nul "/script=$PSScriptRoot\send-with-winscp.txt" /parameter // $Url $HostKey $Key $File $Name
exit $LASTEXITCODE
